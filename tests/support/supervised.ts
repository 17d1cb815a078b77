/**
 * Feeds under supervision, with what they tell and what becomes of their bars.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { PipelineEvent } from "../../src/events.ts";
import type { Feed, Session } from "../../src/providers/live/feed.ts";
import { supervise } from "../../src/providers/live/supervise.ts";
import { type Bar, bar as kind } from "../../src/records/bar.ts";
import { type Frame, frameSize } from "../../src/records/frame.ts";
import { createContext } from "../providers/conformance.ts";
import type { MarketBar } from "./fake_kraken.ts";
import { confirmedUntil, keepIn, memoryCoverage } from "./coverage.ts";
import { makeDirectory } from "./providers.ts";
import { recordsOf } from "./frames.ts";

export const MINUTE = 60_000;
/** A while ago: long enough for every bar of these tests to be over. */
export const START = Math.floor(Date.now() / MINUTE) * MINUTE - 120 * MINUTE;

/** A bar that many minutes after {@linkcode START}, with numbers that are exact in decimal and in binary. */
export function makeBar(symbol: string, minute: number, volume = 0.25 + minute): MarketBar {
  const open = 100 + minute;
  const prices = { open, high: open + 1, low: open - 1, close: open + 0.5 };
  return { symbol, ts: START + minute * MINUTE, ...prices, volume, trades: 3 };
}

/** How to supervise. */
export interface SuperviseOptions {
  newest?: ReadonlyMap<string, number>;
  stallMs?: number;
  bufferRecords?: number;
}

/** Runs a feed under supervision, and tells all that comes of it. */
export async function superviseFeed(plain: Feed, { newest = new Map(), stallMs, bufferRecords }: SuperviseOptions) {
  const directory = await makeDirectory();
  const context = createContext();
  const events: PipelineEvent[] = [];
  const rejected: string[] = [];
  const stored = new Map<string, Bar>();
  const hearing = new Set<() => void>();
  const heard = () => hearing.forEach((hear) => hear());
  let histories = 0;
  let emitted = 0;
  const feed: Feed = Object.create(plain, {
    connect: {
      value: (session: Session) =>
        plain.connect({
          ...session,
          emit(bars) {
            session.emit(bars);
            emitted += bars.length;
            heard();
          },
        }),
    },
    history: {
      async *value(...range: Parameters<Feed["history"]>) {
        yield* plain.history(...range);
        histories++;
        heard();
      },
    },
  });
  const ends = new Map(Array.from(newest, ([symbol, ts]) => [symbol, ts]));
  const store = memoryCoverage(confirmedUntil(ends));
  const keeper = keepIn(store, feed.name, { isConfirmed: feed.isConfirmed === true });
  const reader = supervise({
    feed,
    context: {
      ...context,
      coverage: store,
      warn: (message) => (context.warn(message), heard()),
      emit: (event) => (events.push(event), heard()),
    },
    keeper,
    backoffMs: 1,
    stallMs,
    bufferRecords,
  }).getReader();
  const bars: Bar[] = [];

  /** Takes what comes as the pipeline would: checked, and keyed. */
  function take(frame: Frame): void {
    for (const record of recordsOf(frame)) {
      assertEquals(kind.validate(record, Date.now()), undefined);
      bars.push(record);
      stored.set(`${record.symbol} ${(record.ts - START) / MINUTE}`, record);
    }
    rejected.push(...frame.rejected.map(({ reason }) => reason));
    frame.ack("committed", frameSize(frame));
  }
  return {
    context,
    reader,
    bars,
    rejected,
    stored,
    events,
    /** How often history was read to its end. */
    histories: () => histories,
    /** Bars that the connections have given. */
    emitted: () => emitted,
    losses: () => events.flatMap((event) => event.type === "feed-lost" ? [event.reason] : []),
    /** Reads until `done`. */
    async until(done: () => boolean): Promise<void> {
      while (!done()) {
        const { value, done: ended } = await reader.read();
        if (ended) throw new Error("the stream ended too early");
        take(value);
      }
    },
    /** Waits until what was told makes `done` true. */
    told: (done: () => boolean) =>
      new Promise<void>((resolve) => {
        const hear = () => {
          if (!done()) return;
          hearing.delete(hear);
          resolve();
        };
        hearing.add(hear);
        hear();
      }),
    /** The minutes of a symbol that are stored, in order. */
    minutes: (symbol: string) =>
      [...stored.values()].filter((bar) => bar.symbol === symbol).map(({ ts }) => (ts - START) / MINUTE)
        .toSorted((a, b) => a - b),
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await reader.cancel().catch(() => {});
      // What is being saved must not be left behind.
      keeper.stop();
      await keeper.save();
      await directory[Symbol.asyncDispose]();
    },
  };
}
