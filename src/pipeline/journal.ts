/**
 * The journal, between the pipeline and sources that cannot wait or whose records must not be lost.
 *
 * Frames come in one of two ways. In mode `overflow` they go **through memory** while the pipeline keeps up: nothing
 * lies on disk, the circuit is closed, and less than `capacity` records wait. Otherwise, and always in mode `durable`,
 * they go **through the log**: frames that come within `syncMs` form a group, which is joined into few large frames,
 * appended and synced at once. A group that finds nothing waiting on disk continues into the pipeline from memory; else
 * it waits on disk and is read back in its turn, before anything newer. A frame in the log is safe, and settled for its
 * source; the log itself removes it when the pipeline has settled it.
 *
 * `journal/state.ts` decides which way a frame goes, `journal/group.ts` gathers the frames of one sync, and
 * `journal/append.ts` waits for room on the disk.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import { createCondition } from "../condition.ts";
import { type Listener, on } from "../events.ts";
import type { JournalLog, LogEntry } from "../journal/log.ts";
import { decodeFrame, encodeFrame, type FrameContent } from "../records/codec.ts";
import { createFrame, type FinalOutcome, type Frame, frameSize } from "../records/frame.ts";
import { joinFrames } from "../records/join.ts";
import type { RecordKind } from "../records/kind.ts";
import { createSeriesDictionary, renewSeries } from "../records/series_dictionary.ts";
import type { JournalHealth } from "./health.ts";
import { account } from "./accept.ts";
import { type Drain, followDrain, gatherOutcomes } from "./drain.ts";
import { createAppender } from "./journal/append.ts";
import { createGroup } from "./journal/group.ts";
import { goesOnFromMemory, type JournalFacts, stateOf } from "./journal/state.ts";
import type { LedgerKeeper } from "./ledger.ts";

/** Options of {@linkcode createJournal}. */
export interface JournalOptions {
  log: JournalLog;
  mode: "overflow" | "durable";
  /** Longest time between two syncs while frames come, in milliseconds. */
  syncMs: number;
  /** Reaction to a full log: hold the sources, or give up the oldest records. */
  full: "block" | "drop-oldest";
  /** Records that wait in memory in front of the pipeline. */
  capacity: number;
  /** Whether the sources can be blocked: then they are, and only an open circuit puts their frames on disk. */
  sourcesCanWait: boolean;
  /** Time without a refusal after which a problem has ended, in milliseconds. @default {5000} */
  calmMs?: number;
  kind: (name: string) => RecordKind;
  ledger: LedgerKeeper;
  emit: Listener;
  /**
   * Called with the fault when the journal is full while the sink refuses everything, so that nothing more can be
   * accepted.
   */
  onStuck: (fault: unknown) => void;
  /** Ends reading back; the entries on disk stay there. */
  abort: AbortSignal;
}

/** See the module's description. */
export interface Journal extends Pick<Drain, "drained"> {
  /** Frames that enter come out in their turn. */
  readonly stream: ReadableWritablePair<Frame, Frame>;
  /** Listens to the circuit, and to given-up records. */
  readonly listen: Listener;
  /** Keeps frames that the pipeline could not write in the log, for the next start. Returns whether that succeeded. */
  spool(frames: readonly FrameContent[]): Promise<boolean>;
  health(): JournalHealth;
}

/** Most records of an entry; a group of this size is committed at once. */
const ENTRY_RECORDS = 5000;

/** Creates the journal over an open log. */
export function createJournal(options: JournalOptions): Journal {
  const { log, mode, capacity, sourcesCanWait, kind, ledger, emit, abort, calmMs = 5000 } = options;
  /** Changes when a frame may take another way than before, or can be read. */
  const condition = createCondition();
  const openCircuits = new Set<string>();
  /** The fatal fault that keeps the circuit open. */
  let fatal: { readonly error: unknown } | undefined;
  const drain = followDrain(log);
  /** Frames in the pipeline that are in memory alone; the first is the oldest. */
  const inMemory = new Set<{ readonly since: number }>();
  /** Frames for the pipeline, all older than the unread entries of the log. */
  const ready: Frame[] = [];
  let readyRecords = 0;
  /** Series of the frames read back. */
  let series = createSeriesDictionary();
  let isEnded = false;

  const facts = (): JournalFacts => ({
    mode,
    sourcesCanWait,
    isCircuitClosed: openCircuits.size === 0,
    capacity,
    ready: readyRecords,
    gathered: group.gathered,
    syncing: group.committing,
    isGroupIdle: group.isIdle,
    unread: log.status.unreadEntries,
  });
  const state = () => stateOf(facts());
  const isIdle = () => group.isIdle && log.status.unreadEntries === 0;

  const appender = createAppender({
    log,
    full: options.full,
    takes: () => !abort.aborted && goesOnFromMemory(facts()),
    calmMs,
    condition,
    emit,
    onFull: () => fatal !== undefined && options.onStuck(fatal.error),
    abort,
  });
  const group = createGroup({
    intervalMs: options.syncMs,
    enough: ENTRY_RECORDS,
    isUrgent: () => isEnded || state() === "holding",
    commit: (frames) => commit(frames).catch(fail),
    onCommitted: condition.notify,
  });

  const countAccepted = ({ kind, provider }: FrameContent, count: number) =>
    emit({ type: "accepted", kind, provider, count });

  function handOver(frame: Frame): void {
    ready.push(frame);
    readyRecords += frameSize(frame);
    condition.notify();
  }

  /** A frame for the pipeline that is in memory alone. */
  function unjournaled(frame: Frame): Frame {
    const held = { since: Date.now() };
    let left = frameSize(frame);
    inMemory.add(held);
    return account({
      ...frame,
      ack(outcome, count) {
        left -= count;
        if (left === 0) inMemory.delete(held);
        frame.ack(outcome, count);
      },
    }, options);
  }

  /** A frame for the pipeline that the log has; `onEnded` is called with the outcome of its records. */
  function journaled(content: FrameContent, entry: LogEntry, onEnded?: (outcome: FinalOutcome) => void): Frame {
    const init = {
      ...content,
      onSettled() {
        entry.settle();
        if (appender.problem !== undefined) condition.notify();
      },
      onEnded(outcome: FinalOutcome) {
        if (outcome !== "committed") drain.lost();
        onEnded?.(outcome);
      },
    };
    const home = () => entry.isOnDisk() ? "journal" as const : undefined;
    return account({ ...createFrame(init), home }, options);
  }

  const encode = (contents: readonly FrameContent[]) =>
    contents.map((content) => ({
      message: encodeFrame(content, kind(content.kind)),
      records: frameSize(content),
    }));

  async function commit(frames: readonly Frame[]): Promise<void> {
    const contents = joinFrames(frames, ENTRY_RECORDS);
    const entries = await appender.append(encode(contents));
    if (entries === undefined) {
      // In mode durable they were never accepted: their sources deliver them again.
      if (mode === "overflow") frames.forEach((frame) => handOver(unjournaled(frame)));
      return;
    }
    const isHandedOn = entries.length > 0;
    const onEnded = gatherOutcomes(contents.length, frames);
    for (const [at, content] of contents.entries()) {
      const count = frameSize(content);
      if (mode === "durable") countAccepted(content, count);
      if (isHandedOn) {
        handOver(journaled(content, entries[at], onEnded));
      } else {
        ledger.settled(count);
        emit({ type: "journaled", count });
      }
    }
    for (const frame of frames) frame.ack(isHandedOn ? "synced" : "journaled", frameSize(frame));
  }

  /** The next frame from the log; `undefined` when nothing is unread. */
  async function readBack(): Promise<Frame | undefined> {
    for (let read = await log.read(); read !== undefined; read = await log.read()) {
      const { entry, message } = read;
      try {
        const content = decodeFrame(message, { findKind: kind, series: series = renewSeries(series) });
        emit({ type: "replayed", kind: content.kind, count: entry.records, isRecovered: entry.isRecovered });
        return journaled(content, entry);
      } catch (error) {
        const reason = (error as Error).message;
        emit({ type: "journal-dropped", count: entry.records, reason });
        await log.setAside(entry, message, reason);
        entry.settle();
      }
    }
  }

  /** The next frame for the pipeline; `undefined` at the end. */
  async function next(): Promise<Frame | undefined> {
    while (true) {
      const since = condition.changes;
      const waiting = ready.shift();
      if (waiting !== undefined) {
        readyRecords -= frameSize(waiting);
        condition.notify();
        return waiting;
      }
      const read = abort.aborted ? undefined : await readBack();
      if (read !== undefined) return read;
      const isDone = isEnded && group.isIdle && ready.length === 0;
      if (isDone && (abort.aborted || isIdle())) return undefined;
      await condition.changed(undefined, since);
    }
  }

  async function end(): Promise<void> {
    isEnded = true;
    await group.end();
    appender.end();
    condition.notify();
  }

  let writableController!: WritableStreamDefaultController;
  let readableController!: ReadableStreamDefaultController<Frame>;
  function fail(error: unknown): void {
    writableController.error(error);
    readableController.error(error);
  }
  onAbort(abort, condition.notify);

  const writable = new WritableStream<Frame>({
    start: (controller) => void (writableController = controller),
    async write(frame) {
      while (state() === "holding" && !abort.aborted) {
        group.commitSoon();
        await condition.changed(abort);
      }
      // A frame that comes after an abort is not accepted.
      if (abort.aborted) return;
      if (mode === "overflow") countAccepted(frame, frameSize(frame));
      if (state() === "memory") handOver(unjournaled(frame));
      else group.add(frame);
    },
    close: end,
    abort: end,
  });

  const readable = new ReadableStream<Frame>({
    start: (controller) => void (readableController = controller),
    async pull(controller) {
      const frame = await next();
      if (frame === undefined) return controller.close();
      controller.enqueue(frame);
      // Sources that wait until nothing is on disk may continue.
      if (isIdle()) condition.notify();
    },
    cancel: (reason) => writableController.error(reason),
  }, { highWaterMark: 0 });

  return {
    stream: { readable, writable },
    listen: on({
      "journal-dropped": drain.lost,
      "circuit"({ kind, state, fault, error }) {
        if (state === "closed") openCircuits.delete(kind);
        else openCircuits.add(kind);
        if (state !== "half-open") fatal = fault === "fatal" ? { error } : undefined;
        condition.notify();
      },
    }),
    async spool(frames) {
      const contents = joinFrames(frames, ENTRY_RECORDS);
      if ("refused" in await log.append(encode(contents), () => false)) return false;
      for (const content of contents) emit({ type: "journaled", count: frameSize(content) });
      return true;
    },
    drained: drain.drained,
    health() {
      const { bytes, entries, unreadRecords, oldest } = log.status;
      const [held] = inMemory;
      const now = Date.now();
      const since = Math.min(held?.since ?? Infinity, group.since ?? Infinity, now);
      return {
        mode,
        bytes,
        frames: entries,
        records: unreadRecords,
        oldestAgeSeconds: oldest === undefined ? 0 : Math.max(0, now - oldest) / 1000,
        lossWindowMs: mode === "durable" ? options.syncMs : now - since,
        cut: log.cut,
        problem: appender.problem,
      };
    },
  };
}
