/**
 * A while of a failover group with faults at both of its members, in a process whose clock runs fast: see
 * `endtoend_test.ts`, which starts it. Prints a line of JSON, a {@linkcode StandbyReport}.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { bar, MINUTE, START } from "../support/alpaca.ts";
import type { AlpacaConnection } from "../support/fake_alpaca.ts";
import type { MassiveConnection } from "../support/fake_massive.ts";
import { startGroup, type TestGroup } from "../support/failover.ts";
import { startPostgres } from "../support/postgres.ts";
import { createRandom } from "./random.ts";
import { sleepUntil } from "./venue.ts";

/** What came of it. */
export interface StandbyReport {
  /** Minutes that no provider has. */
  readonly missing: readonly number[];
  /** Who delivered in place of whom, and why. */
  readonly changes: readonly string[];
  readonly letters: number;
}

/** How long after its end a bar is printed, and after the last one all must be stored, in milliseconds. */
const PRINT_MS = 1000;
const PATIENCE_MS = 12 * MINUTE;

/** Follows the newest connections of both fakes. */
function follow(group: TestGroup) {
  const connected: { alpaca?: AlpacaConnection; massive?: MassiveConnection } = {};
  async function forever(next: () => Promise<void>): Promise<void> {
    while (true) await next();
  }
  forever(async () => void (connected.alpaca = await group.alpaca.connection()));
  forever(async () => void (connected.massive = await group.massive.connection()));
  return connected;
}

const { seed, minutes } = parseArgs(Deno.args);
// The one that TEST_DATABASE_URL names, whose clock is its own: its answers seem late.
await using server = await startPostgres();
await using group = await startGroup(`${await server.createDatabase()}?connect_timeout=3600`, {
  afterMs: 30_000,
  backMs: 30_000,
  settings: { writeTimeoutMs: "3600000", drainTimeout: "3600" },
});
const { alpaca, massive } = group;
const connected = follow(group);
const random = createRandom(seed);

const faults: (() => void)[] = [
  () => connected.alpaca?.close(),
  () => connected.massive?.close(),
  () => connected.alpaca?.error(500, "internal error"),
  () => {
    connected.alpaca?.close();
    connected.massive?.close();
  },
  () => {
    alpaca.handshakes.push(...Array(random.whole(3, 6)).fill(503));
    connected.alpaca?.close();
  },
  () => {
    alpaca.mishaps.push({ status: 500 }, { status: 429, headers: { "retry-after": "3" } });
    massive.script.mishaps.push({ status: 500 }, undefined, { status: 503 });
  },
  // It lives on and says nothing.
  () => connected.alpaca = undefined,
];

const first = Math.ceil(Date.now() / MINUTE);
for (let minute = first; minute < first + minutes; minute++) {
  // Somewhere in the minute, but not in the last ones: what they break is mended within the patience.
  if (minute < first + minutes - 5 && random.happens(0.5)) {
    await sleepUntil((minute + random.between(0.05, 0.95)) * MINUTE);
    random.pick(faults)();
  }
  await sleepUntil((minute + 1) * MINUTE + PRINT_MS);
  const next = bar(0, { ts: minute * MINUTE });
  alpaca.history.push(next);
  massive.history.push(next);
  connected.alpaca?.bars(next);
  connected.massive?.bars(next);
}

const wanted = Array.from({ length: minutes }, (_, at) => first + at - START / MINUTE);
let stored = await group.minutes();
const findMissing = () => wanted.filter((at) => !stored.alpaca.includes(at) && !stored.massive.includes(at));
for (const until = Date.now() + PATIENCE_MS; findMissing().length > 0 && Date.now() < until;) {
  await sleepUntil(Date.now() + 5000);
  stored = await group.minutes();
}
const report: StandbyReport = {
  missing: findMissing(),
  changes: group.changes(),
  letters: group.pipeline.letters.length,
};
console.log(JSON.stringify(report));
// What is left are waits for clients that will not come.
Deno.exit();
