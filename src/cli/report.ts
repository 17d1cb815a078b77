/**
 * Reports errors of commands, and determines their exit codes.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { peekOption } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import { adviseOnDatabaseError, classifyDatabaseError, PrepareError } from "../database/faults.ts";
import { classifyNatsError, NatsError } from "../nats/faults.ts";
import { configureLog, describeError, literally, printableLines } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { summarizeUnbegun } from "./summary.ts";

/** The form in which an error is reported. */
export interface ReportForm {
  /** Whether to print the summary of a run that could not start, too. */
  readonly isSummary: boolean;
  /** The form of the log's lines, if the error is logged instead of printed. */
  readonly log?: "text" | "json";
}

/** Prints an error, and returns its exit code. */
export async function report(error: unknown, { isSummary, log }: ReportForm): Promise<number> {
  // The reader of the output has gone, as `head` does when it has read enough.
  if (error instanceof Deno.errors.BrokenPipe && !isSummary) return EXIT.failed;
  const isOutput = isOutputError(error);
  const message = printableLines(`${isOutput ? "Cannot write to standard output: " : ""}${explain(error)}`);
  if (log === undefined) console.error(message);
  else {
    await configureLog({ level: "error", format: log });
    // In text each problem is a line of the log, since the process must print no other lines.
    const lines = log === "json"
      ? [message]
      : isUsage(error)
      ? message.split("\n")
      : [message.replace(/(?<![.:;,!?\s])\s*\n\s*/g, ". ").replace(/\s*\n\s*/g, " ")];
    for (const line of lines) getLogger("barline").error(literally(line));
  }
  if (isSummary && !isOutput) console.log(summarizeUnbegun(message));
  return isUsage(error) || isSetUp(error) ? EXIT.usage : EXIT.failed;
}

/** The form of the error of a run that could not start, with any arguments and configuration. */
export function formOf(
  args: readonly string[],
  invocation: Invocation | undefined,
  isTerminal = Deno.stderr.isTerminal(),
): ReportForm {
  const formOfLog = (isJson: boolean) => isJson ? "json" : isTerminal ? undefined : "text";
  const inputs = invocation === undefined
    ? { flags: formFlags(args), env: Deno.env.get }
    : { flags: invocation.options, env: Deno.env.get, file: invocation.configFile };
  return {
    isSummary: peekOption("json", inputs) === true,
    log: formOfLog(peekOption("logFormat", inputs) === "json"),
  };
}

/** The flags of the form, among arguments that could not be read, or have not been yet. */
function formFlags(args: readonly string[]): Map<string, unknown> {
  const isJson = args.some((arg, at) =>
    arg === "--log-format=json" || arg === "json" && args[at - 1] === "--log-format"
  );
  const flags = new Map<string, unknown>();
  if (args.includes("--json")) flags.set("json", true);
  if (isJson) flags.set("logFormat", "json");
  return flags;
}

function explain(error: unknown): string {
  if (isUsage(error)) return error.message;
  const advice = error instanceof NatsError ? "" : adviseOnDatabaseError(rootCause(error));
  return `${describeError(error)}${advice === "" ? "" : `\n${advice}`}`;
}

const isUsage = (error: unknown): error is Error => error instanceof ConfigError || error instanceof UsageError;

/** Whether the set-up of a database or of NATS is at fault, or the login, so that a restart does not help. */
function isSetUp(error: unknown): boolean {
  if (error instanceof NatsError) return classifyNatsError(error.cause) === "fatal";
  return error instanceof PrepareError && classifyDatabaseError(error.cause) === "fatal";
}

/**
 * Whether a line to standard output failed, for instance on a full disk: the runtime's console throws the bare error of
 * the system.
 */
const isOutputError = (error: unknown): boolean =>
  error instanceof Error && /^\s*at (?:\S+\.)?log \(ext:/m.test(error.stack ?? "");

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error;
}
