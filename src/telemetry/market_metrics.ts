/**
 * Metrics of markets: whether they are open, and for how long a bar has been due.
 *
 * @module
 */
import { Gauge, type Registry } from "@platformatic/prom-client";
import type { Calendar } from "../calendar/mod.ts";
import { type Listener, on } from "../events.ts";

/** The market of a provider, and its expected bars. Times are milliseconds. */
export interface Market {
  readonly calendars: ReadonlySet<Calendar>;
  /** Length of a bar. */
  readonly stepMs: number;
  /** How late a bar may come after its end. @default {the delay that the feed declares} */
  readonly delayMs?: number;
  /** When a bar was last stored, by the wall clock. @default {by the events} */
  readonly storedAt?: number;
}

/** The current markets, by provider, except those with unknown hours. */
export type Markets = () => ReadonlyMap<string, Market>;

/** Registers the metrics, and returns the listener that updates them. */
export function registerMarketMetrics(registers: Registry[], markets: Markets, now = Date.now): Listener {
  const stored = new Map<string, number>();
  const delays = new Map<string, number>();
  /** Start of each provider, which counts until its first bar. */
  let since = new Map<string, number>();

  new Gauge({
    name: "barline_market_open",
    help: "1 while the market of any of the provider's symbols is open, by its regular hours.",
    labelNames: ["provider"],
    registers,
    collect() {
      this.reset();
      for (const [provider, { calendars }] of markets()) {
        this.set({ provider }, [...calendars].some((calendar) => calendar.isOpen(now())) ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: "barline_bars_overdue_seconds",
    help:
      "Open time of the provider's market for which a bar has been due, by its length and delay, and none was stored.",
    labelNames: ["provider"],
    registers,
    collect() {
      this.reset();
      const found = markets();
      since = new Map([...found.keys()].map((provider) => [provider, since.get(provider) ?? now()]));
      for (const [provider, market] of found) {
        const last = Math.max(since.get(provider)!, market.storedAt ?? stored.get(provider) ?? 0);
        const delayMs = market.delayMs ?? delays.get(provider) ?? 0;
        this.set({ provider }, overdueMs(market, { since: last, delayMs, now: now() }) / 1000);
      }
    },
  });

  return on({
    "committed": ({ provider }) => void stored.set(provider, now()),
    "doubts": ({ provider, delayMs }) => void delays.set(provider, delayMs),
  });
}

/**
 * How long a market has been open while it owed the first bar due after `since`. Bars, and the market's opening, come
 * `delayMs` late.
 */
export function overdueMs(
  { calendars, stepMs }: Market,
  { since, delayMs, now }: { since: number; delayMs: number; now: number },
): number {
  const until = now - delayMs;
  let most = 0;
  for (const calendar of calendars) {
    const [first] = calendar.starts(since - delayMs - stepMs + 1, until, stepMs);
    const due = first === undefined ? until : first.from + stepMs;
    if (due < until) most = Math.max(most, calendar.openMs(due, until));
  }
  return most;
}
