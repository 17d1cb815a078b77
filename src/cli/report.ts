/**
 * Errors of commands for people, and their exit codes.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { peekOption } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import { adviseOnDatabaseError, classifyDatabaseError, PrepareError } from "../database/faults.ts";
import { NatsError } from "../nats/faults.ts";
import { configureLog, describeError, literally, printableLines } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { summarizeFailedStart } from "./summary.ts";

/** The form of the error of a command. */
export interface ReportForm {
  /** Prints the summary of a run that could not start, too. */
  readonly isSummary: boolean;
  /** Makes it a line of the log, which is JSON, in place of a text for people. */
  readonly isLogged: boolean;
}

/** Prints an error, and returns its exit code. */
export async function report(error: unknown, { isSummary, isLogged }: ReportForm): Promise<number> {
  const message = printableLines(explain(error));
  if (isLogged) {
    await configureLog({ level: "error", format: "json" });
    getLogger("barline").error(literally(message));
  } else console.error(message);
  if (isSummary) console.log(summarizeFailedStart(message));
  return isUsage(error) || isSetUp(error) ? EXIT.usage : EXIT.failed;
}

/** The form of the error of a run that could not start, with any arguments and configuration. */
export function formOf(args: readonly string[], invocation: Invocation | undefined): ReportForm {
  if (invocation === undefined) {
    const isLogged = args.some((arg, at) =>
      arg === "--log-format=json" || arg === "json" && args[at - 1] === "--log-format"
    );
    return { isSummary: args.includes("--json"), isLogged };
  }
  const inputs = { flags: invocation.options, env: Deno.env.get, file: invocation.configFile };
  return {
    isSummary: peekOption("json", inputs) === true,
    isLogged: peekOption("logFormat", inputs) === "json",
  };
}

function explain(error: unknown): string {
  if (isUsage(error)) return error.message;
  const advice = error instanceof NatsError ? "" : adviseOnDatabaseError(rootCause(error));
  return `${describeError(error)}${advice === "" ? "" : `\n${advice}`}`;
}

const isUsage = (error: unknown): error is Error => error instanceof ConfigError || error instanceof UsageError;

/** Whether the set-up of a database is at fault: starting again does not help. */
function isSetUp(error: unknown): boolean {
  return error instanceof PrepareError && classifyDatabaseError(error.cause) === "fatal";
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error;
}
