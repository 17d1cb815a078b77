/**
 * What a vendor streams of a market, but for what its misdeeds swallow.
 *
 * @module
 */
import type { FeedBar } from "../../src/providers/live/feed.ts";
import { type Market, MINUTE, type State } from "./market.ts";
import type { Misdeeds, Spell } from "./plan.ts";

/** Something that is streamed. */
export interface Streamed {
  /** In epoch ms. */
  readonly at: number;
  readonly kind: "forming" | "closed" | "corrected";
  readonly bar: FeedBar;
  /** Whether the feed knows that states of it are missing. @default {false} */
  readonly isPartial?: boolean;
}

const ECHO_AFTER_MS = 40_000;
const REPEAT_MS = 20_000;
/** How long after a bar that was not whole its last state is streamed, in milliseconds. */
const REST_AFTER_MS = 7_000;
/** When states of a bar under way are streamed, in milliseconds after its start, and which part of its volume they have. */
const FORMING = [[10_000, 0.25], [40_000, 0.5], [50_000, 0.75], [58_000, 1]] as const;

/** Whether a moment is in one of the spells. */
export const isIn = (spells: readonly Spell[], at: number, symbol?: string): boolean =>
  spells.some(({ from, to, symbols }) =>
    from <= at && at < to && (symbols === undefined || symbol !== undefined && symbols.has(symbol))
  );

/** All that is streamed, in its order, as messages. */
export function* streamOf(market: Market, misdeeds: Misdeeds, tellsForming = false): Generator<readonly Streamed[]> {
  const all = [...market.values()].flatMap((bars) =>
    [...bars.values()].flatMap((states) => streamedOf(states, misdeeds, tellsForming))
  );
  all.push(...repeatsOf(market, misdeeds), ...misdeeds.ahead.map(aheadOf));
  all.sort((a, b) => a.at - b.at);
  for (let first = 0; first < all.length;) {
    let next = first;
    while (next < all.length && all[next].at === all[first].at) next++;
    yield all.slice(first, next);
    first = next;
  }
}

function streamedOf(states: readonly State[], misdeeds: Misdeeds, tellsForming: boolean): Streamed[] {
  const [{ streamedAt, bar }] = states;
  const { symbol } = bar;
  // A lone correction that is skipped leaves nothing to see: it is only where the bar itself is.
  const isSkipped = isIn(misdeeds.skips, streamedAt, symbol);
  const streamed: Streamed[] = tellsForming && !isSkipped ? formingOf(bar) : [];
  for (const [at, state] of states.entries()) {
    if (isSkipped && (misdeeds.skipsCorrections || isIn(misdeeds.skips, state.streamedAt, symbol))) continue;
    const isPartial = at === 0 && isIn(misdeeds.halves ?? [], bar.ts, symbol);
    const shown = isPartial ? { ...state.bar, volume: state.bar.volume / 2 } : state.bar;
    streamed.push({ at: state.streamedAt, kind: at === 0 ? "closed" : "corrected", bar: shown, isPartial });
    // Of each other one the rest comes late.
    if (isPartial && bar.ts % (2 * MINUTE) === 0) {
      streamed.push({ at: state.streamedAt + REST_AFTER_MS, kind: "closed", bar: state.bar });
    }
  }
  // What is repeated after a correction that was skipped passes for the last state.
  if (misdeeds.echoes && streamed.at(-1)?.kind === "corrected") {
    streamed.push({ at: states.at(-1)!.streamedAt + ECHO_AFTER_MS, kind: "closed", bar });
  }
  return streamed.filter(({ at }) => !isIn(misdeeds.repeats, at) && !isIn(misdeeds.swallows ?? [], at, symbol));
}

function formingOf(bar: FeedBar): Streamed[] {
  return FORMING.map(([afterMs, part]) => {
    const volume = bar.volume * part;
    return { at: bar.ts + afterMs, kind: "forming", bar: { ...bar, volume, status: "provisional" } };
  });
}

/** While nothing else is streamed, the newest bar of the first symbol is repeated. */
function repeatsOf(market: Market, { repeats }: Misdeeds): Streamed[] {
  const [bars] = market.values();
  return repeats.flatMap(({ from, to }) => {
    const old = [...bars.values()].findLast(([{ streamedAt }]) => streamedAt < from)?.at(-1);
    if (old === undefined) return [];
    const times = Array.from({ length: Math.ceil((to - from) / REPEAT_MS) }, (_, at) => from + at * REPEAT_MS);
    return times.map((at): Streamed => ({ at, kind: "closed", bar: { ...old.bar, status: "final" } }));
  });
}

function aheadOf({ at, symbol, aheadMs }: Misdeeds["ahead"][number]): Streamed {
  const ts = Math.floor((at + aheadMs) / MINUTE) * MINUTE;
  const prices = { open: 1, high: 1, low: 1, close: 1, volume: 1 };
  return { at, kind: "closed", bar: { symbol, timeframe: "1m", ts, ...prices, status: "final" } };
}

/** The newest bars of each symbol as they were streamed first: a correction that came since is not in them. */
export function newestOf(market: Market, now: number, count = 0): readonly FeedBar[] {
  if (count === 0) return [];
  return [...market.values()].flatMap((bars) =>
    [...bars.values()].filter(([{ streamedAt }]) => streamedAt <= now).slice(-count).map(([{ bar }]) => bar)
  );
}
