/**
 * The command line: the table of commands, and what an error of one means for the exit code.
 *
 * @module
 */
import { closestString } from "@std/text/closest-string";
import { ConfigError } from "../config/load.ts";
import { adviseOnDatabaseError } from "../database/faults.ts";
import { NatsError } from "../nats/faults.ts";
import { describeError, printableLines } from "../telemetry/log.ts";
import { parseInvocation } from "./args.ts";
import { backfill } from "./backfill.ts";
import { chaos } from "./chaos.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { createCompletions } from "./completions.ts";
import { cluster } from "./cluster.ts";
import { config } from "./config.ts";
import { dlq } from "./dlq.ts";
import { doctor } from "./doctor.ts";
import { gaps } from "./gaps.ts";
import { describeCommand, describeProgram } from "./help.ts";
import { ingest } from "./ingest.ts";
import { journal } from "./journal.ts";
import { migrateCommand } from "./migrate.ts";
import { surviveFileSizeLimit } from "./signals.ts";
import { tenant } from "./tenant.ts";
import { top } from "./top.ts";
import { version } from "./version.ts";

/** All commands. To add one, write `src/cli/NAME.ts` and add its line. */
const commands: Readonly<Record<string, Command>> = {
  ingest,
  backfill,
  gaps,
  dlq,
  journal,
  migrate: migrateCommand,
  tenant,
  doctor,
  top,
  chaos,
  cluster,
  config,
  completions: createCompletions(() => commands),
  version,
};

/** Runs the program with these arguments and gives its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (name === undefined || name === "help" || name === "--help" || name === "-h") {
      console.log(describeProgram(commands));
      return name === undefined ? EXIT.usage : EXIT.done;
    }
    const wanted = name === "--version" ? "version" : name;
    if (!Object.hasOwn(commands, wanted)) {
      const nearest = closestString(name, Object.keys(commands));
      throw new UsageError(`Cannot understand "${name}": there is no such command, did you mean "${nearest}"?`);
    }
    const command = commands[wanted];
    if (rest.includes("--help") || rest.includes("-h")) {
      console.log(describeCommand(name, command));
      return EXIT.done;
    }
    const invocation = parseInvocation(name, command, rest);
    const [word] = invocation.words;
    if (command.subcommands === undefined && word !== undefined) {
      throw new UsageError(`Cannot understand "${word}": "${name}" takes only options, see barline ${name} --help`);
    }
    if (command.subcommands !== undefined && (word === undefined || !Object.hasOwn(command.subcommands, word))) {
      const words = Object.keys(command.subcommands);
      const found = word === undefined ? "nothing" : `"${word}", did you mean "${closestString(word, words)}"?`;
      throw new UsageError(
        `Cannot understand barline ${name}: wanted is one of ${words.join(", ")}, found is ${found}`,
      );
    }
    // What is made from here on is for its owner alone, also by the embedded database, which says no modes.
    if (Deno.build.os !== "windows") Deno.umask(0o077);
    surviveFileSizeLimit();
    // For dlq fix alone, which starts an editor: what reads data from elsewhere must not be able to.
    if (!command.startsProcesses) await Deno.permissions.revoke({ name: "run" });
    return await command.run(invocation);
  } catch (error) {
    return report(error);
  }
}

/** Prints an error for people and gives its exit code. */
function report(error: unknown): number {
  if (error instanceof ConfigError || error instanceof UsageError) {
    console.error(printableLines(error.message));
    return EXIT.usage;
  }
  const advice = error instanceof NatsError ? "" : adviseOnDatabaseError(rootCause(error));
  console.error(printableLines(`${describeError(error)}${advice === "" ? "" : `\n${advice}`}`));
  return EXIT.failed;
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error;
}
