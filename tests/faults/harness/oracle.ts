/**
 * The oracle: what each bar must look like, and whether every bar that was sent lies where it may, and is whole.
 *
 * The bars are those of the provider `mock`: a bar is a function of its symbol and its time alone, and their order is
 * that of time and symbol, so the first `count` of them are known without having been sent.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { createMock } from "../../../src/providers/mock.ts";
import type { Bar } from "../../../src/records/bar.ts";
import { recordKind } from "../../../src/records/mod.ts";
import { recordsOf } from "../../support/frames.ts";

/** Symbols of every scenario, in order. */
export const SYMBOLS = ["S0", "S1", "S2", "S3", "S4"] as const;

/** Where bars were found. */
export interface Whereabouts {
  /** Bars of the table, in the order of time and symbol. */
  readonly table: AsyncIterable<Payload> | Iterable<Payload>;
  /** Items of dead letters. */
  readonly letters: readonly unknown[];
}

/** A bar without what depends on the run. */
export type Payload = Pick<Bar, "symbol" | "ts" | "open" | "high" | "low" | "close" | "volume">;

/** What the comparison came to. */
export interface Findings {
  /** Bars that are in the table, whole. */
  readonly stored: number;
  /** Bars that are among the dead letters, whole. */
  readonly dead: number;
  /** Bars that are in both. */
  readonly twice: number;
  /** Bars that are nowhere: the first few. */
  readonly missing: readonly string[];
  /** Bars that are not as they were sent, or were never sent: the first few. */
  readonly wrong: readonly string[];
}

/** Descriptions of what is wrong that are kept. */
const FEW = 5;

/** The first `count` bars. */
export async function* oracleBars(count: number): AsyncGenerator<Payload> {
  const mock = createMock({
    kinds: [recordKind("bar")],
    symbols: SYMBOLS,
    timeframe: "1m",
    file: [],
    timeUnit: "iso",
    speed: "max",
    resume: false,
    limit: count,
    tenant: "default",
    dataDir: "/nonexistent",
    provisional: false,
    pollSeconds: 60,
    variable: () => undefined,
  });
  const frames = mock.open({
    stop: new AbortController().signal,
    clock: () => 0,
    pace: () => Promise.resolve(),
    warn: () => {},
    emit: () => {},
    newest: () => Promise.resolve(new Map()),
  });
  for await (const frame of frames) yield* recordsOf(frame);
}

/** The first bars of the oracle as CSV. */
export async function oracleCsv(count: number): Promise<string> {
  const lines = ["symbol,ts,open,high,low,close,volume"];
  for await (const { symbol, ts, open, high, low, close, volume } of oracleBars(count)) {
    lines.push([symbol, new Date(ts).toISOString(), open, high, low, close, volume].join(","));
  }
  return `${lines.join("\n")}\n`;
}

/** Looks for each of the first `sent` bars. */
export async function compare(sent: number, { table, letters }: Whereabouts): Promise<Findings> {
  const dead = new Map<string, string>();
  const wrong: string[] = [];
  for (const item of letters) {
    const bar = { ...item as Payload, ts: Date.parse((item as { ts: string }).ts) };
    dead.set(keyOf(bar), describe(bar));
  }
  const rows = Symbol.asyncIterator in table ? table[Symbol.asyncIterator]() : table[Symbol.iterator]();
  let row = await rows.next();
  const missing: string[] = [];
  let stored = 0, buried = 0, twice = 0, lost = 0;
  for await (const bar of oracleBars(sent)) {
    const expected = describe(bar);
    // Rows before this bar belong to no bar that was sent.
    while (!row.done && isBefore(row.value, bar)) {
      note(wrong, `never sent: ${describe(row.value)}`);
      row = await rows.next();
    }
    const found = !row.done && keyOf(row.value) === keyOf(bar) ? describe(row.value as Payload) : undefined;
    const letter = dead.get(keyOf(bar));
    dead.delete(keyOf(bar));
    for (const each of [found, letter]) {
      if (each !== undefined && each !== expected) note(wrong, `${each}, was sent as ${expected}`);
    }
    if (found !== undefined) {
      stored++;
      row = await rows.next();
    }
    if (letter !== undefined) buried++;
    if (found !== undefined && letter !== undefined) twice++;
    if (found === undefined && letter === undefined && lost++ < FEW) {
      missing.push(`number ${stored + buried}: ${expected}`);
    }
  }
  for (; !row.done; row = await rows.next()) note(wrong, `never sent: ${describe(row.value as Payload)}`);
  for (const letter of dead.values()) note(wrong, `never sent, and dead-lettered: ${letter}`);
  if (lost > FEW) missing.push(`and ${lost - FEW} more`);
  return { stored, dead: buried, twice, missing, wrong };
}

/** Throws unless every one of the first `sent` bars is in the table or among the letters, and nothing else is. */
export async function assertWhole(sent: number, whereabouts: Whereabouts): Promise<Findings> {
  const findings = await compare(sent, whereabouts);
  assertEquals({ missing: findings.missing, wrong: findings.wrong }, { missing: [], wrong: [] });
  return findings;
}

function note(list: string[], what: string): void {
  if (list.length < FEW) list.push(what);
}

const keyOf = ({ symbol, ts }: Payload) => `${symbol} ${ts}`;

function isBefore(a: Payload, b: Payload): boolean {
  return a.ts < b.ts || (a.ts === b.ts && a.symbol < b.symbol);
}

function describe({ symbol, ts, open, high, low, close, volume }: Payload): string {
  return `${symbol} ${new Date(ts).toISOString()} ${open} ${high} ${low} ${close} ${volume}`;
}
