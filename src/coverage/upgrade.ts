/**
 * Takes over the positions that earlier versions left in the data directory: how far each symbol of a live feed or a
 * failover group was thought to be complete, and which ranges a backfill had read. Neither rests on evidence, so the
 * last day of each is in doubt, and everything before it is unknown.
 *
 * @module
 */
import { join } from "@std/path";
import { type Interval, subtract } from "../records/intervals.ts";
import { TIMEFRAMES } from "../records/timeframe.ts";
import type { Doubt, SeriesCoverage } from "./coverage.ts";
import type { CoverageChange, CoverageStore, SeriesOwner } from "./store.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Wraps the store: before its first load it takes over the old positions in the tenant's directory. */
export function withUpgrade(store: CoverageStore, dataDir: string): CoverageStore {
  let upgrading: Promise<void> | undefined;
  return {
    ...store,
    async load(owner, signal) {
      const attempt = upgrading ??= upgrade(store, dataDir, signal);
      await attempt.catch((error) => {
        if (upgrading === attempt) upgrading = undefined;
        throw error;
      });
      return await store.load(owner, signal);
    },
  };
}

async function upgrade(store: CoverageStore, dataDir: string, signal?: AbortSignal): Promise<void> {
  const directory = join(dataDir, "positions");
  for (const path of await filesIn(directory)) {
    const left = parse(await Deno.readTextFile(path));
    if (left === undefined) continue;
    for (const owner of left.owners) {
      await store.save(owner, doubtEnds(owner, left.ends, await store.load(owner, signal)), signal);
    }
    // The coverage has the position from here on. After a kill before this line the next start takes it over again.
    await Deno.remove(path);
  }
}

/** Doubts the last day of the ranges that each symbol was thought to have. */
export function doubtEnds(
  { timeframe }: SeriesOwner,
  ends: ReadonlyMap<string, readonly Interval[]>,
  known: ReadonlyMap<string, SeriesCoverage>,
): CoverageChange[] {
  const stepMs = TIMEFRAMES.get(timeframe)!;
  return Array.from(ends, ([symbol, ranges]) => {
    const confirmed = known.get(symbol)?.confirmed ?? [];
    return { symbol, confirmed: [], doubts: ranges.flatMap((range) => doubtsBefore(range, stepMs, confirmed)) };
  });
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
    return names.filter((name) => name.endsWith(".json")).sort().map((name) => join(directory, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The day before the end of a range, without its confirmed parts. */
function doubtsBefore([from, to]: Interval, stepMs: number, confirmed: readonly Interval[]): Doubt[] {
  const now = Date.now();
  const end = Math.floor(to / stepMs) * stepMs;
  const start = Math.floor(Math.max(from, end - DAY_MS) / stepMs) * stepMs;
  return subtract([start, end], confirmed)
    .map(([from, to]) => ({ from, to, reason: "upgraded", foundAt: now, dueAt: now, attempts: 0 }));
}

/** Content of a file: the owner of its series, and the ranges that each symbol was thought to have. */
interface Left {
  readonly owners: readonly SeriesOwner[];
  readonly ends: ReadonlyMap<string, readonly Interval[]>;
}

/** Parses the content of a file; `undefined` for positions of other kinds, which lie in the same directory. */
function parse(text: string): Left | undefined {
  const { name, place } = parseJson(text);
  const [, provider, timeframe = ""] = /^(?:failover |backfill )?(\S+) (\S+)$/.exec(String(name)) ?? [];
  if (provider === undefined || !TIMEFRAMES.has(timeframe) || typeof place !== "object" || place === null) {
    return undefined;
  }
  const ends = new Map<string, readonly Interval[]>();
  for (const [symbol, value] of Object.entries(place)) {
    if (typeof value === "number") ends.set(symbol, [[-Infinity, value]]);
    else if (Array.isArray(value) && value.every(isInterval)) ends.set(symbol, value);
    else return undefined;
  }
  return { owners: provider.split(",").map((provider) => ({ provider, timeframe })), ends };
}

function parseJson(text: string): { name?: unknown; place?: unknown } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

const isInterval = (value: unknown): value is Interval =>
  Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === "number");
