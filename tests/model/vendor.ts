/**
 * A vendor whose stream and history are in memory, and who does wrong as a plan has it.
 *
 * Each misdeed leaves something to see: a lie contradicts a stored bar, an old value contradicts a stored correction. What
 * nobody could find out is no test of anything.
 *
 * @module
 */
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { type Feed, type FeedBar, FeedError, type Session } from "../../src/providers/live/feed.ts";
import type { Bar } from "../../src/records/bar.ts";
import { type Market, MINUTE, type State } from "./market.ts";
import type { Misdeeds, Spell } from "./plan.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What a vendor is made of. */
export interface VendorOptions {
  name: string;
  time: VirtualTime;
  market: Market;
  misdeeds: Misdeeds;
  /** The stored row of a bar. */
  stored: (symbol: string, ts: number) => Bar | undefined;
}

/** See the module's description. */
export interface Vendor {
  /** A feed for one process. */
  feed(): Feed;
  /** Requests to history so far. */
  readonly requests: number;
}

const LATENCY_MS = 40;
const PAGE_ROWS = 500;
const REPEAT_MS = 20_000;

const isIn = (spells: readonly Spell[], at: number, symbol?: string) =>
  spells.find(({ from, to, symbols }) =>
    from <= at && at < to && (symbols === undefined || symbol !== undefined && symbols.has(symbol))
  ) !== undefined;

/** Starts the vendor. */
export function startVendor({ name, time, market, misdeeds, stored }: VendorOptions): Vendor {
  const connections = new Map<Session, (error: unknown) => void>();
  let requests = 0;

  function send(bars: readonly FeedBar[]): void {
    if (bars.length > 0) { for (const session of connections.keys()) session.emit(bars); }
  }

  /** What is streamed, in its order. */
  function* messages(): Generator<{ at: number; bars: FeedBar[] }> {
    const states = [...market.values()].flatMap((bars) => [...bars.values()].flatMap(streamedOf));
    states.sort((a, b) => a.streamedAt - b.streamedAt);
    for (let at = 0; at < states.length;) {
      const { streamedAt } = states[at];
      const bars: FeedBar[] = [];
      for (; states[at]?.streamedAt === streamedAt; at++) bars.push(states[at].bar);
      yield { at: streamedAt, bars };
    }
  }

  /** What of a bar's states is streamed, if a connection lives: a state that comes again comes after the last one. */
  function streamedOf(states: readonly State[]): readonly State[] {
    const [{ streamedAt, bar }] = states;
    if (isIn(misdeeds.skips, streamedAt, bar.symbol)) return [];
    if (!misdeeds.echoes || states.length === 1) return states;
    return [...states, { ...states[0], streamedAt: states.at(-1)!.streamedAt + 40_000 }];
  }

  const stream = messages();
  function sendNext(): void {
    const { value, done } = stream.next();
    if (done) return;
    time.at(value.at, () => {
      if (!isIn(misdeeds.repeats, time.now())) send(value.bars);
      sendNext();
    });
  }
  sendNext();
  for (const { from, to } of misdeeds.outages) {
    time.at(from, () => {
      for (const end of [...connections.values()]) end(new FeedError("Connection closed", { reason: "closed" }));
    });
    // So that the spell ends where nobody asks, too.
    time.at(to, () => {});
  }
  for (const { from, to } of misdeeds.repeats) {
    const [bars] = market.values();
    for (let at = from; at < to; at += REPEAT_MS) {
      time.at(at, () => {
        const old = [...bars.values()].findLast(([{ streamedAt }]) => streamedAt < from)?.at(-1);
        if (old !== undefined) send([{ ...old.bar, status: "final" }]);
      });
    }
  }
  for (const { at, symbol, aheadMs } of misdeeds.ahead) {
    const ts = Math.floor((at + aheadMs) / MINUTE) * MINUTE;
    const prices = { open: 1, high: 1, low: 1, close: 1, volume: 1 };
    time.at(at, () => send([{ symbol, timeframe: "1m", ts, ...prices, status: "final" }]));
  }

  function connect(session: Session, symbols: readonly string[]): Promise<void> {
    return new Promise((_, reject) => {
      const end = (error: unknown) => {
        connections.delete(session);
        reject(error);
      };
      session.signal.addEventListener("abort", () => end(session.signal.reason), { once: true });
      time.at(time.now() + LATENCY_MS, () => {
        if (session.signal.aborted) return;
        if (isIn(misdeeds.outages, time.now())) return end(new FeedError("Connection refused", { reason: "connect" }));
        connections.set(session, end);
        for (const symbol of symbols) session.subscribed(symbol);
      });
    });
  }

  /** The bars that history shows of a symbol now. */
  function shown(symbol: string, from: number, to: number): FeedBar[] {
    const now = time.now();
    const behind = misdeeds.lags.filter((lag) => isIn([lag], now, symbol)).map(({ ms }) => ms);
    const reach = now - Math.max(0, ...behind);
    const bars: FeedBar[] = [];
    for (const [ts, states] of market.get(symbol) ?? []) {
      if (ts < from || ts >= to || ts + MINUTE > reach) continue;
      const known = states.filter(({ at }) => at <= now);
      const isStale = isIn(misdeeds.stale, now) && stored(symbol, ts)?.volume === states.at(-1)!.bar.volume;
      const state = isStale ? known[0] : known.at(-1);
      if (state !== undefined) bars.push({ ...state.bar, status: "final" });
    }
    const lie = misdeeds.lies.find((each) => isIn([each], now, symbol));
    if (lie === undefined) return bars;
    const kept = bars.filter((bar, at) => !isLeftOut(lie.kind, bars, at, stored(bar.symbol, bar.ts) !== undefined));
    const isSeen = bars.some((bar) => stored(bar.symbol, bar.ts) !== undefined && !kept.includes(bar));
    return isSeen ? kept : bars;
  }

  function isLeftOut(
    kind: "empty" | "cut" | "holed",
    bars: readonly FeedBar[],
    at: number,
    isStored: boolean,
  ): boolean {
    if (kind === "empty") return true;
    if (kind === "cut") return at >= bars.length / 2;
    const before = bars[at - 1];
    return !isStored || before !== undefined && stored(before.symbol, before.ts) === undefined;
  }

  async function* history(
    symbols: readonly string[],
    from: number,
    to: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly FeedBar[]> {
    let rest = [...symbols];
    let start = from;
    do {
      requests++;
      await time.sleep(LATENCY_MS);
      signal.throwIfAborted();
      if (isIn(misdeeds.failures, time.now())) throw new FeedError("status 503", { reason: "history" });
      const rows = rest.flatMap((symbol, at) => shown(symbol, at === 0 ? start : from, to)).slice(0, PAGE_ROWS);
      const last = rows.at(-1);
      if (rows.length === PAGE_ROWS) {
        rest = rest.slice(rest.indexOf(last!.symbol));
        start = last!.ts + MINUTE;
      } else rest = [];
      yield rows;
    } while (rest.length > 0);
  }

  return {
    feed() {
      const symbols = [...market.keys()];
      return {
        name,
        symbols,
        timeframe: "1m",
        bucket: createTokenBucket(20),
        historySymbols: name === "alpaca" ? 200 : 1,
        connect: (session) => connect(session, symbols),
        history,
      };
    },
    get requests() {
      return requests;
    },
  };
}
