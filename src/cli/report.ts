/**
 * What an error of a command says to people, and its exit code.
 *
 * @module
 */
import { ConfigError, peekSwitch } from "../config/load.ts";
import { adviseOnDatabaseError, classifyDatabaseError, PrepareError } from "../database/faults.ts";
import { NatsError } from "../nats/faults.ts";
import { describeError, printableLines } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { summarizeFailedStart } from "./summary.ts";

/** Prints an error for people, and as the summary of a run that could not start where that is wanted; gives its exit code. */
export function report(error: unknown, isSummary: boolean): number {
  const message = printableLines(explain(error));
  console.error(message);
  if (isSummary) console.log(summarizeFailedStart(message));
  return isUsage(error) || isSetUp(error) ? EXIT.usage : EXIT.failed;
}

/** Whether a summary as JSON is wanted, whatever is wrong with the arguments and the configuration. */
export function wantsSummary(args: readonly string[], invocation: Invocation | undefined): boolean {
  if (invocation === undefined) return args.includes("--json");
  return peekSwitch("json", { flags: invocation.options, env: Deno.env.get, file: invocation.configFile });
}

function explain(error: unknown): string {
  if (isUsage(error)) return error.message;
  const advice = error instanceof NatsError ? "" : adviseOnDatabaseError(rootCause(error));
  return `${describeError(error)}${advice === "" ? "" : `\n${advice}`}`;
}

const isUsage = (error: unknown): error is Error => error instanceof ConfigError || error instanceof UsageError;

/** Whether a database cannot be used as it is set up: starting again does not help. */
function isSetUp(error: unknown): boolean {
  return error instanceof PrepareError && classifyDatabaseError(error.cause) === "fatal";
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error;
}
