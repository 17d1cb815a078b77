/**
 * Barline streams market data bars into PostgreSQL, and loses none.
 *
 * @module
 */
import { endWhileLoading } from "./src/cli/early_signals.ts";

/** How long a read that cannot be taken back, as of standard input, may keep the finished program, in milliseconds. */
const LINGER_MS = 1000;

if (import.meta.main) {
  using early = endWhileLoading(async (signal) => {
    const { reportEarlyStop } = await import("./src/cli/early_stop.ts");
    return await reportEarlyStop(Deno.args, signal);
  });
  const { main } = await import("./src/cli/mod.ts");
  // Not Deno.exit() at once: what is still being written, such as telemetry, is finished first.
  Deno.exitCode = await main(Deno.args, early);
  Deno.unrefTimer(setTimeout(() => Deno.exit(), LINGER_MS));
}
