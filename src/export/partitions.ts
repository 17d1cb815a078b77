/**
 * Divides an export into files: by time and by the names of series, in directories with Hive's names.
 *
 * @module
 */
import type { ChosenSeries } from "../database/series_rows.ts";
import { escapeHive } from "../files/hive.ts";
import type { RecordKind } from "../records/kind.ts";
import type { RowChoice } from "./choice.ts";
import { type ExportSession, findBounds, findPresent } from "./rows.ts";

/** Keys that divide an export; days and months are in UTC. */
export const PARTITION_KEYS = ["provider", "date", "month", "symbol"] as const;
/** See {@linkcode PARTITION_KEYS}. */
export type PartitionKey = (typeof PARTITION_KEYS)[number];

/** The rows of one file. */
export interface Partition extends RowChoice {
  /** Directories, as in `date=2024-01-02/symbol=BRK%2FB`; empty without keys. */
  readonly path: string;
  /** End of its times in epoch ms; before that, rows may still be added. */
  readonly endMs: number;
  /** Share of the export before its end, from 0 to 1, by time and series. */
  readonly part: number;
}

/** A range of time in epoch ms; the end is exclusive. */
export interface TimeRange {
  readonly from?: number;
  readonly to?: number;
}

/** The bounds of times in rows. */
const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T00:00:00Z");

const iso = (ms: number) => new Date(ms).toISOString();
const dayOf = (ms: number) => iso(ms).slice(0, 10);

/** The files of an export in order, without empty ones. */
export async function* partitionsOf(
  session: ExportSession,
  kind: RecordKind,
  series: readonly ChosenSeries[],
  keys: readonly PartitionKey[],
  { from = FIRST_MS, to = LAST_MS }: TimeRange,
): AsyncGenerator<Partition> {
  const byId = new Map(series.map((each) => [each.id, each]));
  const all: RowChoice = { ids: [...byId.keys()], first: iso(from), end: iso(to) };
  const bounds = await findBounds(session, kind, all);
  if (bounds === undefined) return;
  const nextOf = keys.includes("date") ? nextDay : keys.includes("month") ? nextMonth : () => to;
  const whole = bounds.last + 1 - bounds.first;
  for (let start = Math.max(from, startOf(bounds.first, keys)); start <= bounds.last;) {
    const end = Math.min(to, nextOf(start));
    const slice = { ids: all.ids, first: iso(start), end: iso(end) };
    const ids = await findPresent(session, kind, slice);
    const groups = [...Map.groupBy(ids, (id) => pathOf(keys, byId.get(id)!, start))];
    const done = (at: number) =>
      Math.min(1, (Math.max(0, start - bounds.first) + (Math.min(end, bounds.last + 1) - start) * at) / whole);
    for (const [at, [path, ids]] of groups.entries()) {
      yield { ...slice, ids, path, endMs: end, part: done((at + 1) / groups.length) };
    }
    if (ids.length > 0) start = end;
    else {
      const next = await findBounds(session, kind, { ...all, first: iso(end) });
      if (next === undefined) return;
      start = Math.max(end, startOf(next.first, keys));
    }
  }
}

function pathOf(keys: readonly PartitionKey[], { provider, symbol }: ChosenSeries, start: number): string {
  const values = { provider, symbol, date: dayOf(start), month: dayOf(start).slice(0, 7) };
  return keys.map((key) => `${key}=${escapeHive(values[key])}`).join("/");
}

/** The begin of a time's day or month. */
function startOf(ms: number, keys: readonly PartitionKey[]): number {
  if (keys.includes("date")) return Date.parse(`${dayOf(ms)}T00:00:00Z`);
  return keys.includes("month") ? Date.parse(`${dayOf(ms).slice(0, 7)}-01T00:00:00Z`) : ms;
}

const nextDay = (ms: number) => startOf(ms, ["date"]) + 86_400_000;
function nextMonth(ms: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}
