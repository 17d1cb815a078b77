/**
 * The journal: between sources that cannot wait, or whose records must not be lost, and the pipeline.
 *
 * Frames come in one of two ways. In mode `overflow` they go **through memory** while the pipeline keeps up: nothing lies
 * on disk, the circuit is closed, and less than `capacity` records wait. Otherwise, and always in mode `durable`, they go
 * **through the log**: what comes within `syncMs` is gathered into a group, joined into few large frames, appended and
 * synced at once. A group that finds nothing waiting on disk goes on into the pipeline from memory; else it waits on disk
 * and is read back in its turn, before anything newer. What is in the log is safe, and settled for its source; the log
 * itself forgets it when the pipeline has settled it.
 *
 * @module
 */
import type { Listener } from "../events.ts";
import type { JournalLog, LogEntry } from "../journal/log.ts";
import { decodeFrame, encodeFrame, type FrameContent } from "../records/codec.ts";
import { createFrame, type Frame, frameSize } from "../records/frame.ts";
import { joinFrames } from "../records/join.ts";
import type { MarketRecord, RecordKind } from "../records/record.ts";
import type { JournalHealth } from "./health.ts";
import type { LedgerKeeper } from "./ledger.ts";
import { account } from "./accept.ts";
import { createWaiters } from "./waiters.ts";

/** Options of {@linkcode createJournal}. */
export interface JournalOptions {
  log: JournalLog;
  mode: "overflow" | "durable";
  /** Longest time between two syncs while frames come, in milliseconds. */
  syncMs: number;
  /** What to do when there is no room: hold the sources, or give up the oldest records. */
  full: "block" | "drop-oldest";
  /** Records that wait in memory in front of the pipeline. */
  capacity: number;
  /** Whether the sources can be held back: then they are, and only an open circuit makes their frames wait on disk. */
  sourcesCanWait: boolean;
  /** How long nothing must be refused before a problem is over, in milliseconds. @default {5000} */
  calmMs?: number;
  kind: (name: string) => RecordKind<MarketRecord>;
  ledger: LedgerKeeper;
  tell: Listener;
  /** Called with the fault when the journal is full while the sink refuses everything: nothing can be accepted any more. */
  onStuck: (fault: unknown) => void;
  /** Ends the reading back: what is on disk stays there. */
  abort: AbortSignal;
}

/** See the module's description. */
export interface Journal {
  /** What goes in comes out, at its time. */
  readonly stream: ReadableWritablePair<Frame, Frame>;
  /** Hears of the circuit. */
  readonly listen: Listener;
  /** Keeps frames that the pipeline could not write in the log, for the next start; tells whether it could. */
  keep(frames: readonly FrameContent[]): Promise<boolean>;
  health(): JournalHealth;
}

/** Records of an entry, and of a group that is not waited for any longer. */
const ENTRY_RECORDS = 5000;
/** How long to wait for room before another look, in milliseconds. */
const RETRY_MS = 250;

/** Makes the journal over an open log. */
export function createJournal(options: JournalOptions): Journal {
  const { log, mode, capacity, kind, ledger, tell, abort, calmMs = 5000 } = options;
  const waiters = createWaiters();
  const broken = new Set<string>();
  /** The fatal fault that keeps the circuit open. */
  let fatal: { readonly error: unknown } | undefined;
  /** Frames in the pipeline that are in memory alone; the first is the oldest. */
  const inMemory = new Set<{ readonly since: number }>();
  /** Frames for the pipeline, all older than what is unread in the log. */
  const ready: Frame[] = [];
  let readyRecords = 0;
  let group: Frame[] = [];
  let groupRecords = 0;
  let groupSince = 0;
  let committing: Promise<void> | undefined;
  let committingRecords = 0;
  let committedAt = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let problem: string | undefined;
  let calming: ReturnType<typeof setTimeout> | undefined;
  let isEnded = false;
  let wakeReader = () => {};

  const isIdle = () => group.length === 0 && committing === undefined && log.status.unreadEntries === 0;

  function goesThroughMemory(): boolean {
    return mode === "overflow" && broken.size === 0 && readyRecords < capacity && isIdle();
  }

  /** Whether what has been synced goes on from memory; sources that wait have been held back early enough. */
  function isThereRoom(): boolean {
    return !abort.aborted && (readyRecords <= capacity || options.sourcesCanWait && broken.size === 0);
  }

  function mustWait(): boolean {
    if (groupRecords >= capacity) return true;
    if (!options.sourcesCanWait || broken.size > 0) return false;
    if (mode === "overflow") return !goesThroughMemory();
    return readyRecords + committingRecords + groupRecords >= 2 * capacity || log.status.unreadEntries > 0;
  }

  function handOver(frame: Frame): void {
    ready.push(frame);
    readyRecords += frameSize(frame);
    wakeReader();
  }

  const enter = ({ kind, provider }: FrameContent, count: number) => tell({ type: "accepted", kind, provider, count });

  /** The frame for the pipeline, when it is in memory alone. */
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

  /** The frame for the pipeline, when the log has it. */
  function journaled(content: FrameContent, entry: LogEntry): Frame {
    const onSettled = () => {
      entry.settle();
      if (problem !== undefined) waiters.wakeAll();
    };
    const home = () => entry.isOnDisk() ? "journal" as const : undefined;
    return account({ ...createFrame({ ...content, onSettled }), home }, options);
  }

  const encode = (contents: readonly FrameContent[]) =>
    contents.map((content) => ({
      message: encodeFrame(content, kind(content.kind)),
      records: frameSize(content),
    }));

  function commitSoon(): void {
    if (committing !== undefined || group.length === 0) return;
    clearTimeout(timer);
    const dueMs = committedAt + options.syncMs - performance.now();
    if (dueMs <= 0 || groupRecords >= ENTRY_RECORDS || isEnded || mustWait()) commitNow();
    else timer = setTimeout(commitNow, dueMs);
  }

  function commitNow(): void {
    committedAt = performance.now();
    committingRecords = groupRecords;
    committing = commit(group).catch(fail).finally(() => {
      committing = undefined;
      committingRecords = 0;
      wakeReader();
      waiters.wakeAll();
      commitSoon();
    });
    group = [];
    groupRecords = 0;
  }

  async function commit(frames: readonly Frame[]): Promise<void> {
    const contents = joinFrames(frames, ENTRY_RECORDS);
    const entries = await append(contents);
    if (entries === undefined) {
      // In mode durable they were never accepted: their sources give them again.
      if (mode === "overflow") frames.forEach((frame) => handOver(unjournaled(frame)));
      return;
    }
    for (const [at, content] of contents.entries()) {
      const count = frameSize(content);
      if (mode === "durable") enter(content, count);
      if (entries.length > 0) {
        handOver(journaled(content, entries[at]));
      } else {
        ledger.settled(count);
        tell({ type: "journaled", count });
      }
    }
    for (const frame of frames) frame.ack("journaled", frameSize(frame));
  }

  /** A journal that is full over and over has one problem, which is over when nothing has been refused for a while. */
  function setProblem(reason: string | undefined): void {
    clearTimeout(calming);
    calming = undefined;
    if (problem !== reason) tell({ type: "journal-problem", reason: problem = reason });
  }

  /** Appends, as soon as there is room; `undefined` when it was given up. */
  async function append(contents: readonly FrameContent[]): Promise<readonly LogEntry[] | undefined> {
    const items = encode(contents);
    while (true) {
      const started = performance.now();
      const appended = await log.append(items, isThereRoom);
      if (!("refused" in appended)) {
        tell({ type: "journal-synced", seconds: (performance.now() - started) / 1000 });
        if (problem !== undefined) calming ??= setTimeout(() => setProblem(undefined), calmMs);
        return appended.entries;
      }
      setProblem(appended.refused);
      if (abort.aborted) return undefined;
      if (appended.isFull && options.full === "drop-oldest") {
        const count = await log.dropOldest();
        if (count) tell({ type: "journal-dropped", count, reason: appended.refused });
        if (count !== undefined) continue;
      } else if (appended.isFull && fatal !== undefined) {
        options.onStuck(fatal.error);
      }
      await waiters.wait(AbortSignal.any([abort, AbortSignal.timeout(RETRY_MS)]));
    }
  }

  /** The next frame from the log; `undefined` when nothing is unread. */
  async function readBack(): Promise<Frame | undefined> {
    for (let read = await log.read(); read !== undefined; read = await log.read()) {
      const { entry, message } = read;
      try {
        const content = decodeFrame(message, kind);
        tell({ type: "replayed", kind: content.kind, count: entry.records, isRecovered: entry.isRecovered });
        return journaled(content, entry);
      } catch (error) {
        const reason = (error as Error).message;
        tell({ type: "journal-dropped", count: entry.records, reason });
        await log.setAside(entry, message, reason);
        entry.settle();
      }
    }
  }

  let writableController!: WritableStreamDefaultController;
  let readableController!: ReadableStreamDefaultController<Frame>;
  function fail(error: unknown): void {
    writableController.error(error);
    readableController.error(error);
  }
  abort.addEventListener("abort", () => wakeReader(), { once: true });

  const writable = new WritableStream<Frame>({
    start: (controller) => void (writableController = controller),
    async write(frame) {
      while (mustWait() && !abort.aborted) {
        commitSoon();
        await waiters.wait(abort);
      }
      // Whatever comes after an abort is not accepted.
      if (abort.aborted) return;
      if (mode === "overflow") enter(frame, frameSize(frame));
      if (goesThroughMemory()) return handOver(unjournaled(frame));
      if (group.length === 0) groupSince = Date.now();
      group.push(frame);
      groupRecords += frameSize(frame);
      commitSoon();
    },
    close: end,
    abort: end,
  });

  async function end(): Promise<void> {
    isEnded = true;
    commitSoon();
    while (committing !== undefined) await committing;
    clearTimeout(calming);
    wakeReader();
  }

  /** The next frame for the pipeline; `undefined` at the end. */
  async function next(): Promise<Frame | undefined> {
    while (true) {
      const woken = new Promise<void>((resolve) => wakeReader = resolve);
      const waiting = ready.shift();
      if (waiting !== undefined) {
        readyRecords -= frameSize(waiting);
        waiters.wakeAll();
        return waiting;
      }
      const read = abort.aborted ? undefined : await readBack();
      if (read !== undefined) return read;
      const isDone = isEnded && group.length === 0 && committing === undefined && ready.length === 0;
      if (isDone && (abort.aborted || isIdle())) return undefined;
      await woken;
    }
  }

  const readable = new ReadableStream<Frame>({
    start: (controller) => void (readableController = controller),
    async pull(controller) {
      const frame = await next();
      if (frame === undefined) return controller.close();
      controller.enqueue(frame);
      // Sources that wait until nothing is on disk may go on.
      if (isIdle()) waiters.wakeAll();
    },
    cancel: (reason) => writableController.error(reason),
  }, { highWaterMark: 0 });

  return {
    stream: { readable, writable },
    listen(event) {
      if (event.type !== "circuit") return;
      if (event.state === "closed") broken.delete(event.kind);
      else broken.add(event.kind);
      if (event.state !== "half-open") fatal = event.fault === "fatal" ? { error: event.error } : undefined;
      waiters.wakeAll();
    },
    async keep(frames) {
      const contents = joinFrames(frames, ENTRY_RECORDS);
      if ("refused" in await log.append(encode(contents), () => false)) return false;
      for (const content of contents) tell({ type: "journaled", count: frameSize(content) });
      return true;
    },
    health() {
      const { bytes, entries, unreadRecords, oldest } = log.status;
      const [held] = inMemory;
      const since = Math.min(held?.since ?? Infinity, group.length > 0 ? groupSince : Infinity, Date.now());
      return {
        mode,
        bytes,
        frames: entries,
        records: unreadRecords,
        oldestAgeSeconds: oldest === undefined ? 0 : Math.max(0, Date.now() - oldest) / 1000,
        lossWindowMs: mode === "durable" ? options.syncMs : Date.now() - since,
        cut: log.cut,
        problem,
      };
    },
  };
}
