/**
 * What happens in a run of the model, as its seed has it.
 *
 * @module
 */
import { calendarOf } from "../../src/providers/mod.ts";
import { createRandom, type Random } from "../endtoend/random.ts";
import { type Listing, MINUTE } from "./market.ts";

/** A range of time in which something is the case, for some symbols or for all; epoch ms. */
export interface Spell {
  readonly from: number;
  readonly to: number;
  readonly symbols?: ReadonlySet<string>;
}

/** What a vendor does wrong. */
export interface Misdeeds {
  /** Bars whose first state falls into it are not streamed, although the connection lives. */
  readonly skips: readonly Spell[];
  /** Whether the corrections of bars that were skipped are not streamed either, whenever they come. @default {false} */
  readonly skipsCorrections?: boolean;
  /** Connections end, and none begins. */
  readonly outages: readonly Spell[];
  /** Nothing is streamed but an old bar, each 20 s. */
  readonly repeats: readonly Spell[];
  /** History is behind by `ms`. */
  readonly lags: readonly (Spell & { readonly ms: number })[];
  /** History has the first state of bars that were corrected. */
  readonly stale: readonly Spell[];
  /** History has nothing, half of it, or lacks each third bar, and says that this is all. */
  readonly lies: readonly (Spell & { readonly kind: "empty" | "cut" | "holed" })[];
  /** Bars that fall into it are streamed before they are whole, and the feed knows. @default {none} */
  readonly halves?: readonly Spell[];
  /** States of bars are not streamed, whichever the bar. */
  readonly swallows?: readonly Spell[];
  /** History answers with a kind of nonsense. */
  readonly nonsense?: readonly (Spell & { readonly kind: string })[];
  /** Symbols are left out of subscriptions. */
  readonly ignored?: readonly Spell[];
  /** History answers with errors. */
  readonly failures: readonly Spell[];
  /** A plain state is repeated after its correction. */
  readonly echoes: boolean;
  /** So many of the newest bars of each symbol are streamed again at each subscription, as they were at first. @default {0} */
  readonly backlog?: number;
  /** Bars that are streamed hours before their time. */
  readonly ahead: readonly { readonly at: number; readonly symbol: string; readonly aheadMs: number }[];
}

/** Those of a vendor who does no wrong. */
export const NO_MISDEEDS: Misdeeds = {
  skips: [],
  outages: [],
  repeats: [],
  lags: [],
  stale: [],
  lies: [],
  failures: [],
  echoes: false,
  ahead: [],
};

/** See the module's description. */
export interface Plan {
  readonly seed: number;
  /** Names of the vendors; of two, the second stands by. */
  readonly members: readonly string[];
  readonly listings: readonly Listing[];
  /** When the market opens, the first process begins, the market closes, and the table is looked at. */
  readonly opening: number;
  readonly start: number;
  readonly close: number;
  readonly end: number;
  readonly misdeeds: ReadonlyMap<string, Misdeeds>;
  /** When the process is killed, or stopped, and for how long it is away. */
  readonly crashes: readonly { readonly at: number; readonly downMs: number; readonly isStopped?: boolean }[];
  /** What the wall clock is ahead of the true time from then on, in milliseconds. */
  readonly clock: readonly { readonly at: number; readonly offsetMs: number }[];
  /** Part of the bars that are corrected. @default {as with such vendors} */
  readonly corrected?: number;
  /** Requests that the accounts allow. @default {as with such vendors} */
  readonly perMinute?: number;
  /** When the database takes nothing. */
  readonly stalls: readonly Spell[];
}

const HOUR = 60 * MINUTE;
/** Days of US stocks: plain, before and after a change to and from summer time, half days, and after a holiday. */
const DAYS = ["2024-01-03", "2024-03-08", "2024-03-11", "2024-11-01", "2024-11-04", "2024-11-29", "2024-07-03"];
const CRYPTO_HOURS = 6;
const STOCKS = ["alpaca", "massive", "ibkr"];
const CRYPTO = ["binance", "kraken"];
const FEEDS = [...STOCKS, ...CRYPTO];
/** Feeds that tell of bars under way, and never that one is over. */
const FORMING = ["ibkr", "binance", "kraken"];

/** Makes the plan of a seed. */
export function makePlan(seed: number, feed?: string): Plan {
  const random = createRandom(seed);
  const name = feed ?? FEEDS[seed % FEEDS.length];
  const isCrypto = CRYPTO.includes(name);
  const others = (isCrypto ? CRYPTO : STOCKS).filter((each) => each !== name);
  const members = random.happens(0.2) ? [name, random.pick(others)] : [name];
  const day = Date.parse(random.pick(DAYS));
  const [session] = calendarOf(name, "AAPL")!.sessions(day, day + 24 * HOUR);
  const opening = isCrypto ? day + 10 * HOUR : session.from;
  const close = isCrypto ? opening + CRYPTO_HOURS * HOUR : session.to;
  const symbols = isCrypto
    ? ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOT/USD", "LTC/USD", "XMR/USD"]
    : [
      ...["AAPL", "MSFT", "NVDA", "TSLA", "F", "GE", "THIN", "RARE"],
    ];
  const listings = symbols.slice(0, random.whole(4, symbols.length)).map((symbol, at): Listing => {
    const density = at < 2 ? 1 : random.pick([1, 0.97, 0.92, 0.6, 0.15, 0.03]);
    const halt = random.happens(0.2) ? spell(random, opening, close, 10, 60) : undefined;
    return { symbol, density, halts: halt ? [[halt.from, halt.to]] : [] };
  });
  // Where the market goes on, it is watched until history has been well for long enough.
  const end = close + 3 * HOUR;
  const times = { random, listings, opening, close };
  // Has a chance of its own, so that the other events of a seed stay as they are without it.
  const { happens, whole } = createRandom(seed + 28);
  const backlog = happens(0.3) ? whole(1, 10) : 0;
  const part = createRandom(seed + 29);
  const halves = FORMING.includes(name) && part.happens(0.3)
    ? some(part, 1, 3, () => spell(part, opening, close - HOUR, 1, 30))
    : [];
  const plan: Plan = {
    seed,
    members,
    listings,
    opening,
    // Now and then it begins in the middle of the day.
    start: random.happens(0.7)
      ? opening - 10 * MINUTE
      : opening + random.whole(0, 59) * 1000 + random.whole(1, 60) * MINUTE,
    close,
    end,
    misdeeds: new Map(
      members.map((
        member,
      ) => [member, { ...makeMisdeeds(times), backlog, halves: FORMING.includes(member) ? halves : [] }]),
    ),
    crashes: random.happens(0.4)
      ? some(random, 1, 3, () => ({
        at: random.whole(opening + 5 * MINUTE, close - HOUR),
        downMs: random.pick([2_000, 40_000, 5 * MINUTE, 40 * MINUTE]),
      })).sort((a, b) => a.at - b.at)
      : [],
    clock: random.happens(0.3)
      ? some(random, 1, 3, () => ({
        at: random.whole(opening - 10 * MINUTE, close - HOUR),
        offsetMs: random.pick([-90_000, -HOUR, 45_000, 20 * MINUTE, 0]),
      })).sort((a, b) => a.at - b.at)
      : [],
    stalls: random.happens(0.15) ? [spell(random, opening, close - HOUR, 1, 20)] : [],
  };
  // What has waited for the database is written at once when it is back, and a kill cuts that short.
  const crashes = plan.stalls.map(({ to }) => ({ at: to + random.whole(20, 200), downMs: 2_000 }));
  return { ...plan, crashes: [...plan.crashes, ...crashes].sort((a, b) => a.at - b.at) };
}

interface Times {
  readonly random: Random;
  readonly listings: readonly Listing[];
  readonly opening: number;
  readonly close: number;
}

function makeMisdeeds({ random, listings, opening, close }: Times): Misdeeds {
  const symbols = listings.map(({ symbol }) => symbol);
  const ofSome = (each: Spell): Spell =>
    random.happens(0.5) ? each : { ...each, symbols: new Set(random.shuffle(symbols).slice(0, random.whole(1, 2))) };
  const last = close - HOUR;
  /** Each kind of trouble comes in some runs only: one alone is told apart from the others. */
  const perhaps = <T>(probability: number, most: number, make: () => T) =>
    random.happens(probability) ? some(random, 1, most, make) : [];
  const skips = perhaps(0.7, 5, () => ofSome(spell(random, opening, close, 1, random.pick([1, 2, 5, 20]))));
  const misdeeds: Misdeeds = {
    skips,
    skipsCorrections: skips.length % 2 === 1,
    outages: perhaps(0.5, 3, () => spell(random, opening, last, 0, random.pick([1, 5, 40]))),
    repeats: perhaps(0.15, 1, () => spell(random, opening, last, 5, 45)),
    lags: perhaps(0.4, 3, () => ({
      ...ofSome(spell(random, opening, close, 5, 90)),
      ms: random.pick([1, 3, 10, 25]) * MINUTE,
    })),
    stale: perhaps(0.3, 2, () => spell(random, opening, close, 5, 60)),
    lies: perhaps(0.3, 3, () => ({
      ...ofSome(spell(random, opening, close, 2, 45)),
      kind: random.pick(["empty", "cut", "holed"] as const),
    })),
    failures: perhaps(0.3, 3, () => spell(random, opening, close, 1, 20)),
    echoes: random.happens(0.2),
    ahead: perhaps(0.15, 1, () => ({
      at: random.whole(opening, last),
      symbol: random.pick(symbols),
      aheadMs: random.pick([20 * HOUR, 2 * HOUR]),
    })),
  };
  // A history that lies does so where it is asked about a hole, too.
  const [skip] = misdeeds.lies.length > 0 ? skips : [];
  if (skip === undefined) return misdeeds;
  return { ...misdeeds, lies: [...misdeeds.lies, { ...skip, to: skip.to + 10 * MINUTE, kind: "holed" }] };
}

function some<T>(random: Random, least: number, most: number, make: () => T): T[] {
  return Array.from({ length: random.whole(least, most) }, make);
}

/** A spell of some minutes. */
function spell(random: Random, from: number, to: number, least: number, most: number): Spell {
  const lengthMs = Math.round(random.between(least, Math.max(least + 0.5, most)) * MINUTE);
  const begin = random.whole(from, Math.max(from, to - lengthMs));
  return { from: begin, to: begin + lengthMs };
}
