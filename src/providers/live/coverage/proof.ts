/**
 * Keeps the proof that answers to a backfill give as coverage of its series.
 *
 * A range is confirmed where an answer proves it (see `evidence.ts`) and its bars are read back. A range that the
 * account may not read, or that history no longer has, is in doubt for good, so that no run asks for it again. Stored
 * bars that an answer lacks are in doubt, and so are its bars that could not be stored. Everything else stays
 * unchanged.
 *
 * @module
 */
import type { Doubt, DoubtReason, SeriesCoverage } from "../../../coverage/coverage.ts";
import type { CoverageChange, CoverageStore, SeriesOwner, StoredStarts } from "../../../coverage/store.ts";
import { intersect, type Interval, subtract, unite } from "../../../records/intervals.ts";
import { formatTime } from "../../../records/time.ts";
import { judgeAnswer } from "./evidence.ts";
import { type HistoryAnswer, lies } from "../history/range.ts";

/** A question to history about several symbols. Times are epoch ms. */
export interface Inquiry {
  /** The ranges to prove, of each symbol. */
  readonly ranges: ReadonlyMap<string, Interval>;
  /** The ranges to request: wider if bars on both sides are stored. */
  readonly asked: ReadonlyMap<string, Interval>;
  /** Starts of the stored bars in the requested ranges. */
  readonly known: ReadonlyMap<string, readonly number[]>;
  readonly askedAt: number;
}

/** The answer of history. */
export interface Reply {
  /** Starts of its bars, in order. */
  readonly starts: ReadonlyMap<string, readonly number[]>;
  /** Its bars that were handed on and are not in the sink, by symbol and start. */
  readonly unstored: HistoryAnswer["unstored"];
  /** The time up to which the answer is whole, and the outcome of its bars known. */
  readonly until: ReadonlyMap<string, number>;
  /** Start of the oldest bar that history still has; `undefined` if it showed no end. */
  readonly historyStart: (symbol: string) => number | undefined;
  /** Ranges without a row between rows of history, which has one for each step. */
  readonly withoutRow: (symbol: string) => readonly Interval[];
}

/** Options of {@linkcode createProofs}. */
export interface ProofOptions {
  owner: SeriesOwner;
  stepMs: number;
  /** Absent if nothing is remembered. */
  store: CoverageStore | undefined;
  /** Largest distance of bars requested beside the range, in milliseconds. */
  reachMs: number;
  /** Whether an answer without any bar counts if no bar is stored beside the range. */
  believesEmpty: boolean;
  warn: (message: string) => void;
}

/** The proofs of a backfill. */
export interface Proofs {
  /** Loads the coverage. */
  load(): Promise<void>;
  /** Ranges that need no request. */
  confirmed(symbol: string): readonly Interval[];
  /** Prepares a question about a range of each symbol; requests nothing that ends after `end`. */
  inquire(ranges: ReadonlyMap<string, Interval>, end: number): Promise<Inquiry>;
  /** Saves the proof of the reply. */
  settle(inquiry: Inquiry, reply: Reply): Promise<void>;
  /** Saves that the account may not read a range. */
  deny(symbol: string, range: Interval): Promise<void>;
}

/** Most separate doubts over bars of a symbol; more are merged into one range. */
const MAX_DOUBTS = 20;
/** Wait before a useless answer is requested again, in milliseconds. */
const AGAIN_MS = 60 * 60_000;

/** Creates proofs without coverage. */
export function createProofs({ owner, stepMs, store, reachMs, believesEmpty, warn }: ProofOptions): Proofs {
  let known: ReadonlyMap<string, SeriesCoverage> = new Map();
  const warned = new Set<string>();

  function warnOnce(about: string, message: string): void {
    if (!warned.has(about)) warn(message);
    warned.add(about);
  }

  const confirmed = (symbol: string) => known.get(symbol)?.confirmed ?? [];

  const readStarts = async (ranges: ReadonlyMap<string, Interval>): Promise<ReadonlyMap<string, StoredStarts>> =>
    await store?.starts?.(owner, ranges) ?? new Map();

  async function save(changes: readonly CoverageChange[]): Promise<void> {
    const some = changes.filter(({ confirmed, doubts }) => confirmed.length + doubts.length > 0);
    if (store === undefined || some.length === 0) return;
    try {
      await store.save(owner, some);
    } catch (error) {
      // The range is requested again; the bars are stored all the same.
      warnOnce("save", `cannot save the proof of history: ${(error as Error).message}`);
    }
  }

  function doubtsOver(ranges: readonly Interval[], reason: DoubtReason, dueAt: number): Doubt[] {
    return ranges.map(([from, to]) => ({ from, to, reason, foundAt: Date.now(), dueAt, attempts: 1 }));
  }

  /** The ranges, merged into one if they are too many. */
  const joined = (ranges: readonly Interval[]): readonly Interval[] =>
    ranges.length > MAX_DOUBTS ? [[ranges[0][0], ranges.at(-1)![1]]] : ranges;

  /** The bars as ranges. */
  function rangesOf(starts: readonly number[]): Interval[] {
    if (starts.length === 0) return [];
    const all = starts.reduce<Interval[]>((set, start) => unite(set, [start, start + stepMs]), []);
    return [...joined(all)];
  }

  /** The verdict of the reply on a symbol; `stored` are the present starts of its bars, if they can be read. */
  function reconcile(symbol: string, inquiry: Inquiry, reply: Reply, stored?: readonly number[]): CoverageChange {
    const range = inquiry.ranges.get(symbol)!;
    const [from, to] = inquiry.asked.get(symbol)!;
    const end = Math.min(to, reply.until.get(symbol) ?? from);
    const horizon = Math.ceil((reply.historyStart(symbol) ?? -Infinity) / stepMs) * stepMs;
    const starts = (reply.starts.get(symbol) ?? []).filter((start) => start < end);
    const before = (inquiry.known.get(symbol) ?? []).filter((start) => start >= horizon);
    const lost = subtract([range[0], Math.min(range[1], Math.max(horizon, range[0]))], confirmed(symbol));
    const gone = doubtsOver(lost, "horizon", Infinity);
    if (starts.length + before.length === 0 && !believesEmpty) return { symbol, confirmed: [], doubts: gone };
    const { settled, lacking } = judgeAnswer(
      {
        doubts: subtract([Math.max(range[0], horizon), Math.min(range[1], end)], heldBack(symbol, inquiry.askedAt)),
        known: before,
        stepMs,
      },
      { asked: [from, end], starts, askedAt: inquiry.askedAt },
    );
    if (lacking.length > 0) {
      warnOnce(
        `lacks ${symbol}`,
        `history of ${symbol} lacks ${lacking.length} bars that are stored: it proves nothing`,
      );
      return {
        symbol,
        confirmed: [],
        doubts: [...gone, ...doubtsOver(rangesOf(lacking), "contradicted", Date.now() + AGAIN_MS)],
      };
    }
    const isStored = stored && new Set(stored);
    const own = starts.filter((start) => lies(start, range));
    const unstored = reply.unstored.get(symbol);
    const withoutRow = intersect(range, reply.withoutRow(symbol)).flatMap((each) => subtract(each, confirmed(symbol)));
    if (withoutRow.length > 0) {
      const first = withoutRow[0].map(formatTime).join(" to ");
      warnOnce(
        `without row ${symbol}`,
        `history of ${symbol} has no row for times between others, first from ${first}: they stay in doubt`,
      );
    }
    const refused = rangesOf(own.filter((start) => isStored ? !isStored.has(start) : unstored?.has(start)));
    return {
      symbol,
      confirmed: settled.flatMap((each) => subtract(each, refused)).flatMap((each) => subtract(each, withoutRow)),
      doubts: [
        ...gone,
        ...doubtsOver(joined(withoutRow), "lag", Date.now() + AGAIN_MS),
        ...doubtsOver(refused, "refused", Date.now() + AGAIN_MS),
      ],
    };
  }

  /**
   * Corrections that came after the request: history may have the replaced values, and its bars replace none of them.
   */
  const heldBack = (symbol: string, askedAt: number) =>
    (known.get(symbol)?.doubts ?? []).filter(({ reason, foundAt }) => reason === "corrected" && foundAt >= askedAt)
      .map(({ from, to }): Interval => [from, to]);

  return {
    async load() {
      known = await store?.load(owner) ?? known;
    },
    confirmed,
    async inquire(ranges, end) {
      const stored = await readStarts(ranges);
      const asked = new Map<string, Interval>();
      const bars = new Map<string, number[]>();
      for (const [symbol, [from, to]] of ranges) {
        const { before = -Infinity, within = [], after = Infinity } = stored.get(symbol) ?? {};
        const first = from - before <= reachMs ? before : from;
        const last = after + stepMs - to <= reachMs && after + stepMs <= end ? after + stepMs : to;
        asked.set(symbol, [first, last]);
        bars.set(symbol, [...first < from ? [before] : [], ...within, ...last > to ? [after] : []]);
      }
      return { ranges, asked, known: bars, askedAt: Date.now() };
    },
    async settle(inquiry, reply) {
      const stored = await readStarts(inquiry.ranges);
      await save(
        Array.from(inquiry.ranges.keys(), (symbol) => reconcile(symbol, inquiry, reply, stored.get(symbol)?.within)),
      );
    },
    deny: (symbol, range) =>
      save([{ symbol, confirmed: [], doubts: doubtsOver(subtract(range, confirmed(symbol)), "denied", Infinity) }]),
  };
}
