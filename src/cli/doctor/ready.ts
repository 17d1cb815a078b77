/**
 * `barline doctor --ready`, which health checks run every few seconds, so it loads as little as possible.
 *
 * @module
 */
import { describeError, printable } from "../../telemetry/text.ts";
import { EXIT, type Invocation, UsageError } from "../command.ts";

const READY_TIMEOUT_MS = 4000;

/** Asks a running instance, for health checks of containers without other programs. */
export async function run({ flags }: Invocation): Promise<number> {
  const url = String(flags.get("ready"));
  if (!URL.canParse(url)) throw new UsageError(`Cannot use --ready "${url}": expected http://host:port`);
  let reasons: string[];
  try {
    const response = await fetch(new URL("/readyz", url), { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
    reasons = (await response.json()).reasons;
  } catch (error) {
    reasons = [`it does not answer: ${describeError(error)}`];
  }
  console.log(reasons.length === 0 ? "ready" : `not ready: ${reasons.map(printable).join("; ")}`);
  return reasons.length === 0 ? EXIT.done : EXIT.failed;
}
