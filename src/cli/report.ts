/**
 * What an error of a command says to people, and its exit code.
 *
 * @module
 */
import { ConfigError } from "../config/load.ts";
import { adviseOnDatabaseError, classifyDatabaseError, PrepareError } from "../database/faults.ts";
import { NatsError } from "../nats/faults.ts";
import { describeError, printableLines } from "../telemetry/log.ts";
import { EXIT, UsageError } from "./command.ts";

/** Prints an error for people and gives its exit code. */
export function report(error: unknown): number {
  if (error instanceof ConfigError || error instanceof UsageError) {
    console.error(printableLines(error.message));
    return EXIT.usage;
  }
  const advice = error instanceof NatsError ? "" : adviseOnDatabaseError(rootCause(error));
  console.error(printableLines(`${describeError(error)}${advice === "" ? "" : `\n${advice}`}`));
  return isSetUp(error) ? EXIT.usage : EXIT.failed;
}

/** Whether a database cannot be used as it is set up: starting again does not help. */
function isSetUp(error: unknown): boolean {
  return error instanceof PrepareError && classifyDatabaseError(error.cause) === "fatal";
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error;
}
