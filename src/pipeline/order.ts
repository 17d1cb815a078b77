/**
 * Batches in the order of their observations, where several lanes write one source's records.
 *
 * Two lanes may overtake each other. That matters where two batches hold observations of one record: the later one may
 * leave a row as it is, because it says the same, and the earlier one, written after it, would then win. So a batch waits
 * for those before it that may have a key in common with it. Sorted files have no such batches.
 *
 * @module
 */
import type { MarketRecord, RecordKind } from "../records/record.ts";

/** A batch's place in the order. Disposing of it lets those go on that wait for the batch. */
export interface Turn extends Disposable {
  /** Resolves when no batch before it is in flight that may have a key in common. */
  readonly ready: Promise<unknown>;
}

/** Puts batches in order. */
export interface Order {
  /** Takes the next place for these records. */
  enter(records: readonly MarketRecord[]): Turn;
}

/** First and last value of the first key column. */
interface Range {
  from: number | string;
  to: number | string;
}

/** Makes an order of records of one kind. */
export function createOrder(kind: RecordKind<MarketRecord>): Order {
  const { value } = kind.columns.find(({ name }) => name === kind.keyColumns[0])!;
  const inFlight = new Set<{ readonly ranges: ReadonlyMap<string, Range>; readonly left: Promise<void> }>();

  function rangesOf(records: readonly MarketRecord[]): Map<string, Range> {
    const ranges = new Map<string, Range>();
    /** The ranges of one provider and timeframe, by symbol: no name is put together for each record. */
    let group = new Map<string, Range>();
    let groupProvider: string | undefined;
    let groupTimeframe = "";
    const groups = new Map<string, Map<string, Range>>();
    for (const record of records) {
      const { provider, symbol, timeframe } = kind.series(record);
      if (provider !== groupProvider || timeframe !== groupTimeframe) {
        const name = `${provider}\n${timeframe}`;
        group = groups.get(name) ?? new Map();
        groups.set(name, group);
        groupProvider = provider;
        groupTimeframe = timeframe;
      }
      const at = value(record)!;
      const range = group.get(symbol);
      if (range === undefined) group.set(symbol, { from: at, to: at });
      else if (at < range.from) range.from = at;
      else if (at > range.to) range.to = at;
    }
    for (const [name, group] of groups) for (const [symbol, range] of group) ranges.set(`${name}\n${symbol}`, range);
    return ranges;
  }

  return {
    enter(records) {
      const ranges = rangesOf(records);
      const before = [...inFlight].filter((other) => overlap(ranges, other.ranges)).map(({ left }) => left);
      const { promise, resolve } = Promise.withResolvers<void>();
      const mine = { ranges, left: promise };
      inFlight.add(mine);
      return {
        ready: Promise.all(before),
        [Symbol.dispose]() {
          inFlight.delete(mine);
          resolve();
        },
      };
    },
  };
}

function overlap(one: ReadonlyMap<string, Range>, other: ReadonlyMap<string, Range>): boolean {
  for (const [name, { from, to }] of one) {
    const range = other.get(name);
    if (range !== undefined && from <= range.to && range.from <= to) return true;
  }
  return false;
}
