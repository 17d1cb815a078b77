/**
 * What an error of a command says to people, and its exit code.
 *
 * @module
 */
import { ConfigError } from "../config/load.ts";
import { adviseOnDatabaseError } from "../database/faults.ts";
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
  return EXIT.failed;
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error;
}
