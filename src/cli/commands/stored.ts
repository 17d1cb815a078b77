/**
 * Help of options in commands on stored records, where it differs from that of a run.
 *
 * @module
 */
import type { OptionHelp } from "../command.ts";

const database = "the embedded database, or the PostgreSQL of this URL [POSTGRES_*, else embedded]";
const dataDir = "directory of the embedded database [./data]";
const tenant = "tenant that owns the records [default]";

/** The place of the records. */
export const place: OptionHelp = { database, dataDir, tenant };

/** The choice among the stored records. */
export const choice: OptionHelp = {
  ...place,
  provider: "only records of this provider (repeatable) [all]",
  symbols: "only records of these symbols [all]",
  timeframe: "only bars of this length [all]",
  kind: "only records of this kind [bar]",
};
