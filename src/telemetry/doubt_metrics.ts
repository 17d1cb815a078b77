/**
 * Metrics of doubt in live feeds: minutes in doubt, for how long, and the answers of history about them.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from "@platformatic/prom-client";
import { type Doubts, type Listener, on } from "../events.ts";

const OUTCOMES = ["got", "none", "lost"] as const;
const NONE: Doubts = { minutes: {}, series: 0, delayMs: 0 };

/** Registers the metrics, and returns the listener that keeps them. */
export function registerDoubtMetrics(registers: Registry[]): Listener {
  const doubts = new Map<string, Doubts>();
  const minutes = new Gauge({
    name: "barline_series_doubt_minutes",
    help: "Minutes of open markets in which a bar may be missing, over all series, by reason.",
    labelNames: ["provider", "reason"],
    registers,
  });
  const gapBars = new Counter({
    name: "barline_gap_bars_total",
    help:
      "Bars in doubt, by the answer of history: got, none (proved not to exist), or lost (history no longer has them).",
    labelNames: ["provider", "outcome"],
    registers,
  });
  const delay = new Gauge({
    name: "barline_provider_delay_seconds",
    help: "How long after its end a bar may come into the provider's history.",
    labelNames: ["provider"],
    registers,
  });

  function gaugeAge(name: string, help: string, since: (doubts: Doubts) => number | undefined): void {
    new Gauge({
      name,
      help,
      labelNames: ["provider"],
      registers,
      collect() {
        const now = Date.now();
        for (const [provider, each] of doubts) this.set({ provider }, Math.max(0, now - (since(each) ?? now)) / 1000);
      },
    });
  }
  gaugeAge(
    "barline_series_doubt_oldest_seconds",
    "Age of the oldest doubt that history can settle; 0 without doubts.",
    ({ since }) => since,
  );
  gaugeAge(
    "barline_busy_series_doubt_oldest_seconds",
    "The same of symbols that had a bar in over 90 % of their last hour.",
    ({ busySince }) => busySince,
  );

  function setDoubts(provider: string, now: Doubts): void {
    for (const reason of Object.keys(doubts.get(provider)?.minutes ?? {})) minutes.set({ provider, reason }, 0);
    for (const [reason, count = 0] of Object.entries(now.minutes)) minutes.set({ provider, reason }, count);
    delay.set({ provider }, now.delayMs / 1000);
    doubts.set(provider, now);
  }

  return on({
    "doubts": (event) => setDoubts(event.provider, event),
    "gap-bars": ({ provider, outcome, bars }) => gapBars.inc({ provider, outcome }, bars),
    "feed-state"({ provider }) {
      for (const outcome of OUTCOMES) gapBars.inc({ provider, outcome }, 0);
      if (!doubts.has(provider)) setDoubts(provider, NONE);
    },
  });
}
