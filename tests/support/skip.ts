/**
 * Tests that need something which is not everywhere.
 *
 * @module
 */
import { deadline } from "@std/async/deadline";

/** Longest time that a test may take, in milliseconds: what it waits for may never come. */
const MAX_MS = 10 * 60_000;

/**
 * Registers a test that needs what `missing` tells the lack of. Where it is missing the test is skipped, with the reason
 * in its name; under `CI=true` it fails instead, as nothing may be skipped there.
 */
export function testWhere(missing: string | undefined, name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  if (missing === undefined) Deno.test(name, (t) => deadline(fn(t), MAX_MS));
  else if (Deno.env.get("CI") === "true") {
    Deno.test(name, () => {
      throw new Error(`Cannot run this test: ${missing}`);
    });
  } else Deno.test({ name: `${name} (skipped: ${missing})`, ignore: true, fn });
}
