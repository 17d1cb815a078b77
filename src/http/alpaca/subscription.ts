/**
 * The subscriptions of an Alpaca client, by channel.
 *
 * @module
 */

/** Supported channels. */
const CHANNELS = ["bars", "updatedBars", "dailyBars"] as const;
/** Name of a channel. */
export type Channel = typeof CHANNELS[number];
/** The channel of each type of message. */
export const CHANNEL_OF = { b: "bars", u: "updatedBars", d: "dailyBars" } as const;

/** Channels without records in Barline, as answers list them. */
const EMPTY = { trades: [], quotes: [], statuses: [], lulds: [], corrections: [], cancelErrors: [] };

/** Most symbols of a connection. */
const MAX_SYMBOLS = 5000;

/** A set of subscriptions. */
export interface Subscriptions {
  /** Changes them; returns the code of an error, and then changes nothing. */
  change(action: "subscribe" | "unsubscribe", message: Record<string, unknown>): 400 | 405 | 410 | undefined;
  /** All symbols of all channels; `undefined` means any symbol. */
  symbols(): ReadonlySet<string> | undefined;
  /** Whether a symbol is subscribed in a channel. */
  has(channel: Channel, symbol: string): boolean;
  /** The answer, with all subscriptions. */
  answer(): object;
}

/** Creates an empty set. */
export function createSubscriptions(): Subscriptions {
  let held: Record<Channel, Set<string>> = { bars: new Set(), updatedBars: new Set(), dailyBars: new Set() };
  return {
    change(action, message) {
      const next = {
        bars: new Set(held.bars),
        updatedBars: new Set(held.updatedBars),
        dailyBars: new Set(held.dailyBars),
      };
      for (const [name, symbols] of Object.entries(message)) {
        if (name === "action" || symbols === null) continue;
        if (!Array.isArray(symbols) || symbols.some((symbol) => typeof symbol !== "string")) return 400;
        const channel = CHANNELS.find((channel) => channel === name);
        if (channel === undefined && symbols.length > 0) return 410;
        for (const symbol of symbols) {
          if (action === "subscribe") next[channel!].add(symbol);
          else next[channel!].delete(symbol);
        }
      }
      if (Object.values(next).reduce((sum, { size }) => sum + size, 0) > MAX_SYMBOLS) return 405;
      held = next;
    },
    symbols() {
      const all = new Set(Object.values(held).flatMap((symbols) => [...symbols]));
      return all.has("*") ? undefined : all;
    },
    has: (channel, symbol) => held[channel].has(symbol) || held[channel].has("*"),
    answer: () => ({
      T: "subscription",
      ...EMPTY,
      ...Object.fromEntries(CHANNELS.map((channel) => [channel, [...held[channel]]])),
    }),
  };
}
