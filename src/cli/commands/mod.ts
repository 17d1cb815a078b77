/**
 * The table of commands. To add one, write `src/cli/commands/NAME.ts`, with its declaration, and `src/cli/NAME.ts`,
 * with its code, and add its line here.
 *
 * @module
 */
import type { Command } from "../command.ts";
import { archive } from "./archive.ts";
import { backfill } from "./backfill.ts";
import { candles } from "./candles.ts";
import { chaos } from "./chaos.ts";
import { cluster } from "./cluster.ts";
import { createCompletions } from "./completions.ts";
import { config } from "./config.ts";
import { copy } from "./copy.ts";
import { deletion } from "./delete.ts";
import { dlq } from "./dlq.ts";
import { doctor } from "./doctor.ts";
import { exporting } from "./export.ts";
import { gaps } from "./gaps.ts";
import { importing } from "./import.ts";
import { ingest } from "./ingest.ts";
import { init } from "./init.ts";
import { inspect } from "./inspect.ts";
import { loads } from "./loads.ts";
import { journal } from "./journal.ts";
import { migrate } from "./migrate.ts";
import { rename } from "./rename.ts";
import { query } from "./query.ts";
import { serve } from "./serve.ts";
import { tenant } from "./tenant.ts";
import { top } from "./top.ts";
import { version } from "./version.ts";

/** All commands, in the order of the help. */
export const commands: Readonly<Record<string, Command>> = {
  init,
  ingest,
  inspect,
  loads,
  delete: deletion,
  rename,
  copy,
  backfill,
  gaps,
  dlq,
  journal,
  migrate,
  query,
  candles,
  serve,
  export: exporting,
  import: importing,
  archive,
  tenant,
  doctor,
  top,
  chaos,
  cluster,
  config,
  completions: createCompletions(() => commands),
  version,
};
