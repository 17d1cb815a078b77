/**
 * Tests that run at the same time, as they spend theirs waiting.
 *
 * @module
 */

/** One of them. */
export interface Scenario {
  readonly name: string;
  /** What it needs and is not there; see `testWhere`. */
  readonly missing?: string;
  readonly fn: () => Promise<void>;
}

/** Registers a test of them all. Each tidies up after itself: who left something cannot be told here. */
export function testTogether(name: string, scenarios: readonly Scenario[]): void {
  const isStrict = Deno.env.get("CI") === "true";
  Deno.test(name, async (t) => {
    await Promise.all(scenarios.map(({ name, missing, fn }) =>
      t.step({
        name: missing === undefined ? name : `${name} (skipped: ${missing})`,
        ignore: missing !== undefined && !isStrict,
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
        fn: missing === undefined ? fn : () => Promise.reject(new Error(`Cannot run this test: ${missing}`)),
      })
    ));
  });
}
