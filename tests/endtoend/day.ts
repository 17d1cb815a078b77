/**
 * Some hours of a provider's market: the fake plays them to a process, faults happen, the process is restarted; in the end
 * the table is compared with what was printed.
 *
 * @module
 */
// @ts-types="@types/pg"
import { Client } from "pg";
import type { TestServer } from "../support/postgres.ts";
import { openWorkspace, type Workspace } from "../support/workspace.ts";
import { compareLetters, compareRows, ROWS } from "./compare.ts";
import { createMarket, type Print } from "./market.ts";
import type { Day } from "./days.ts";
import { planFaults } from "./plan.ts";
import { startClient } from "./client.ts";
import { createRandom } from "./random.ts";
import { createTape } from "./tape.ts";
import { type Inflict, sleep, sleepUntil, type Venue } from "./venue.ts";

/** How a day is run. */
export interface DayOptions {
  name: string;
  day: Day;
  server: TestServer;
  seed: number;
  /** Length of the market's day. */
  minutes: number;
}

/** What came of it. */
export interface Report {
  readonly name: string;
  readonly seed: number;
  /** Flags of the process. */
  readonly flags: readonly string[];
  /** The faults in their order, with the minute of each. */
  readonly faults: readonly string[];
  readonly rows: number;
  readonly letters: number;
  /** Minutes after the close until the table was complete. */
  readonly settledAfter: number;
  /** Empty if all is well. */
  readonly problems: readonly string[];
  /** What the processes logged. */
  readonly log: string;
}

const MINUTE = 60_000;
/** How long after the close the table may be incomplete: the longest waits between attempts, one after another. */
const SETTLE_MS = 60 * MINUTE;

/** Runs a day. */
export async function runDay({ name, day, server, seed, minutes }: DayOptions): Promise<Report> {
  const random = createRandom(seed);
  const flags = day.flags(random);
  await using venue = day.start();
  await using workspace = await openWorkspace(server);
  const tape = createTape(venue, random);
  await using client = startClient({ venue, workspace, flags, doom: tape.doom });
  await Promise.race([tape.subscribed(), client.died]);

  const opening = Math.ceil(Date.now() / MINUTE + 1) * MINUTE;
  const closing = opening + minutes * MINUTE;
  const { symbols, correctionMs, tellsForming } = venue;
  const market = createMarket({ random, symbols, opening, minutes, correctionMs, tellsForming });
  const inflict: Record<string, Inflict> = {
    ...tape.faults,
    ...venue.faults,
    "database blocked": (lengthMs) => blockTable(workspace, lengthMs),
    async "backends terminated"() {
      // A start without a database is a failed one.
      await client.ready();
      await terminateBackends(server, workspace);
    },
    "stopped and started": (lengthMs) => client.restart("SIGTERM", lengthMs),
    "killed and started": (lengthMs) => client.restart("SIGKILL", lengthMs),
  };
  const plan = planFaults({ random, kinds: Object.keys(inflict), from: opening, to: closing });

  const underWay = new Set<string>();
  const inflicted: Promise<void>[] = [];
  const failed = Promise.withResolvers<never>();
  async function inflictAll(): Promise<void> {
    for (const { at, kind, lengthMs } of plan) {
      await sleepUntil(at);
      if (underWay.has(kind)) continue;
      underWay.add(kind);
      inflicted.push(
        Promise.resolve(inflict[kind](lengthMs)).then(() => void underWay.delete(kind)).catch(failed.reject),
      );
    }
    await Promise.all(inflicted);
  }
  await Promise.race([Promise.all([play(market.prints, venue, tape.play), inflictAll()]), client.died, failed.promise]);

  const expected = market.truth.map(venue.expect);
  const read = async () => compareRows(await workspace.query(ROWS), expected);
  let problems = await read();
  for (const until = closing + SETTLE_MS; problems.length > 0 && Date.now() < until; problems = await read()) {
    await Promise.race([sleep(10_000), client.died]);
  }
  const settledAfter = (Date.now() - closing) / MINUTE;
  // What is right stays right.
  await sleep(5 * MINUTE);
  problems = [...await read(), ...await client.stop()];
  const letters = await workspace.letters();
  return {
    name,
    seed,
    flags,
    faults: plan.map(({ at, kind, lengthMs }) =>
      `${minuteOf(at - opening)} ${kind} (${Math.round(lengthMs / 1000)} s)`
    ),
    rows: expected.length,
    letters: letters.length,
    settledAfter,
    problems: [...problems, ...await read(), ...compareLetters(letters, tape.malformed)],
    log: client.log(),
  };
}

const minuteOf = (ms: number) => `${Math.floor(ms / MINUTE)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;

/** Plays the prints, those that are due together in one piece; history knows a print when the stream does. */
async function play(
  prints: readonly Print[],
  venue: Venue,
  send: (prints: readonly Print[]) => void,
): Promise<void> {
  for (let from = 0, to = 0; from < prints.length; from = to) {
    await sleepUntil(prints[from].at);
    while (to < prints.length && prints[to].at <= Date.now()) venue.record(prints[to++]);
    send(prints.slice(from, to));
  }
}

/** Lets nobody read or write the bars. */
async function blockTable(workspace: Workspace, lengthMs: number): Promise<void> {
  const client = new Client({ connectionString: workspace.database });
  await client.connect();
  await client.query("BEGIN; LOCK TABLE bar IN ACCESS EXCLUSIVE MODE");
  await sleep(lengthMs);
  await client.end();
}

async function terminateBackends(server: TestServer, { database }: Workspace): Promise<void> {
  const name = new URL(database).pathname.slice(1);
  await server.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND application_name = 'barline'`,
  );
}
