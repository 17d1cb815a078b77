/**
 * Barline streams market data bars into PostgreSQL, and loses none.
 *
 * @module
 */
import { main } from "./src/cli/mod.ts";

// Not Deno.exit(): what is still being written, such as telemetry, is finished first.
if (import.meta.main) Deno.exitCode = await main(Deno.args);
