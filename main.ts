/**
 * Barline streams market data bars into PostgreSQL, and loses none.
 *
 * @module
 */
import { main } from "./src/cli/mod.ts";

/** How long a read that cannot be taken back, as of standard input, may keep the finished program, in milliseconds. */
const LINGER_MS = 1000;

if (import.meta.main) {
  // Not Deno.exit() at once: what is still being written, such as telemetry, is finished first.
  Deno.exitCode = await main(Deno.args);
  Deno.unrefTimer(setTimeout(() => Deno.exit(), LINGER_MS));
}
