/**
 * Reports live feeds without bars to expect, as their markets are closed.
 *
 * @module
 */
import type { App } from "../app/app.ts";
import type { Calendar } from "../calendar/mod.ts";
import { calendarOf } from "../providers/mod.ts";

const EVERY_MS = 60_000;
/** How far ahead to look for an opening, in milliseconds: no market is closed for longer. */
const AHEAD_MS = 14 * 24 * 60 * 60_000;

/** A live feed, and the calendars of its symbols. */
export interface FeedMarkets {
  readonly name: string;
  readonly calendars: readonly Calendar[];
}

/** The live feeds of a run, with the calendars of their symbols. */
export function marketsOf(app: App): FeedMarkets[] {
  const feeds = app.tenants().flatMap((tenant) => tenant.providers())
    .flatMap((provider) => provider.members ?? [provider])
    .filter(({ isLive }) => isLive);
  return feeds.map(({ name, symbols = [] }) => ({
    name,
    calendars: [...new Set(symbols.map((symbol) => calendarOf(name, symbol)))].filter((each) => each !== undefined),
  }));
}

/** When the first of a feed's markets opens, in epoch milliseconds; `undefined` while one is open. */
export function findOpening({ calendars }: FeedMarkets, now: number): number | undefined {
  if (calendars.length === 0 || calendars.some((calendar) => calendar.isOpen(now))) return undefined;
  const openings = calendars.flatMap((calendar) => [...calendar.sessions(now, now + AHEAD_MS)].map(({ from }) => from));
  return openings.length === 0 ? undefined : Math.min(...openings);
}

/** Reports each closed market, now and at each close; disposing of the result ends that. */
export function reportMarkets(feeds: () => readonly FeedMarkets[], say: (message: string) => void): Disposable {
  const reported = new Map<string, number>();
  const look = () => {
    const now = Date.now();
    for (const feed of feeds()) {
      const opening = findOpening(feed, now);
      if (opening === undefined) reported.delete(feed.name);
      else if (reported.get(feed.name) !== opening) {
        reported.set(feed.name, opening);
        const at = new Date(opening).toISOString().slice(0, 16).replace("T", " ");
        const names = feed.calendars.map(({ name }) => name).join(", ");
        say(`The market of ${feed.name} is closed (${names}): bars come when it opens, at ${at} UTC`);
      }
    }
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
