/**
 * One life of a process: a provider whose frames are committed to a table, until it is stopped or killed.
 *
 * @module
 */
import type { Listener, PipelineEvent } from "../../src/events.ts";
import type { Provider, ProviderContext } from "../../src/providers/provider.ts";
import { frameSize } from "../../src/records/frame.ts";
import { createRaisedClock } from "../../src/records/raised_clock.ts";
import { raisedByRows } from "../../src/app/receive_times.ts";
import type { Random } from "../endtoend/random.ts";
import type { MemoryTable } from "../support/memory_table.ts";
import type { Spell } from "./plan.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** What a process works with. */
export interface ProcessOptions {
  provider: Provider;
  table: MemoryTable;
  time: VirtualTime;
  random: Random;
  /** When the database takes nothing. */
  stalls: readonly Spell[];
  /** Hears what it says, as it says it. */
  listen?: Listener;
}

/** See the module's description. */
export interface ModelProcess {
  /** What it said. */
  readonly notices: readonly string[];
  readonly events: readonly PipelineEvent[];
  /** When and why it lost a connection. */
  readonly losses: readonly string[];
  /** Loses whatever is not committed. */
  kill(): void;
  /** Ends it as a user does. */
  stop(): Promise<void>;
}

/** Frames that are committed side by side. */
const LANES = 4;

/** Starts the process. */
export function startProcess({ provider, table, time, random, stalls, listen }: ProcessOptions): ModelProcess {
  const stopping = new AbortController();
  const notices: string[] = [];
  const events: PipelineEvent[] = [];
  const losses: string[] = [];
  let isGone = false;
  let underWay = 0;
  let wake = () => {};

  /** The way to the database and back. */
  async function reach(): Promise<void> {
    const stall = stalls.find(({ from, to }) => from <= time.now() && time.now() < to);
    await time.sleep((stall === undefined ? 0 : stall.to - time.now()) + random.whole(2, 60));
  }

  // Nothing but the table is left of what earlier processes knew.
  const times = createRaisedClock();
  const coverage = raisedByRows(table.store(() => isGone, reach), times);

  const contextOf = (name: string): ProviderContext => ({
    stop: stopping.signal,
    clock: times.clock,
    pace: () => Promise.resolve(),
    warn(message) {
      notices.push(message);
      listen?.({ type: "provider-notice", provider: name, message });
    },
    emit(event) {
      events.push(event);
      listen?.(event);
      if (event.type !== "feed-lost") return;
      losses.push(`${new Date(time.now()).toISOString().slice(11, 19)} ${event.reason}: ${event.error}`);
    },
    newest() {
      const bars = table.newest(name);
      for (const { receivedAt } of bars.values()) times.after(receivedAt);
      return Promise.resolve(new Map(Array.from(bars, ([symbol, { ts }]) => [symbol, ts])));
    },
    coverage,
    as: contextOf,
  });
  const stream = provider.open(contextOf(provider.name));

  async function read(): Promise<void> {
    for await (const frame of stream) {
      while (underWay >= LANES) await new Promise<void>((resolve) => wake = resolve);
      underWay++;
      reach().then(() => {
        if (isGone) return;
        table.commit(frame);
        frame.ack("committed", frameSize(frame));
      }).finally(() => {
        underWay--;
        wake();
      });
    }
  }
  const reading = read().catch((error) => {
    if (!isGone) notices.push(`FAILED ${error instanceof Error ? error.stack : error}`);
  });

  return {
    notices,
    events,
    losses,
    kill() {
      isGone = true;
      stopping.abort(new Error("killed"));
    },
    async stop() {
      stopping.abort(new Error("stopped"));
      await reading;
      while (underWay > 0) await new Promise<void>((resolve) => wake = resolve);
      await provider.close?.();
    },
  };
}
