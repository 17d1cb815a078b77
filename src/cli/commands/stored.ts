/**
 * The meaning of options in commands about stored records, where it differs from that of a run.
 *
 * @module
 */
import type { OptionHelp } from "../command.ts";

const database = "the embedded database, or the PostgreSQL of this URL [POSTGRES_*, else embedded]";
const dataDir = "directory of the embedded database [./data]";
const tenant = "tenant that owns the records [default]";

/** Where records are. */
export const place: OptionHelp = { database, dataDir, tenant };

/** Which of the stored records are meant. */
export const choice: OptionHelp = {
  ...place,
  provider: "only records of this provider (repeatable) [all]",
  symbols: "only records of these symbols [all]",
  timeframe: "only bars of this length [all]",
  kind: "only records of this kind [bar]",
};
