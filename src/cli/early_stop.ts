/**
 * The end of a program that a signal stops while it loads.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import { configureLog } from "../telemetry/log.ts";
import { commands } from "./commands/mod.ts";
import { codeOfSignal } from "./exit.ts";
import { formOf } from "./report.ts";
import { stoppedEarly } from "./signals.ts";
import { summarizeUnbegun } from "./summary.ts";

/** Logs and prints the end of a run that is stopped before it begins, if a run was to begin; returns the exit code. */
export async function reportEarlyStop([name, ...rest]: readonly string[], signal: Deno.Signal): Promise<number> {
  if (name !== undefined && Object.hasOwn(commands, name) && commands[name].summarizes) {
    const { isSummary, log } = formOf(rest, undefined);
    await configureLog({ level: "info", format: log ?? "text" });
    getLogger("barline").info(...stoppedEarly(signal));
    if (isSummary) console.log(summarizeUnbegun());
  }
  return codeOfSignal(signal);
}
