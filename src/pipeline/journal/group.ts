/**
 * Group commit: frames that come while a sync is due or in progress share the next one.
 *
 * @module
 */
import { type Frame, frameSize } from "../../records/frame.ts";

/** Gathered frames, and frames being committed. */
export interface Group {
  /** Number of gathered records. */
  readonly gathered: number;
  /** Number of records being committed. */
  readonly committing: number;
  /** Whether no frame is gathered or being committed. */
  readonly isIdle: boolean;
  /** When the first of the gathered frames came, in epoch milliseconds; `undefined` without any. */
  readonly since: number | undefined;
  add(frame: Frame): void;
  /** Commits the gathered frames: at once if that is urgent or due, else when it is due. */
  commitSoon(): void;
  /** Commits the gathered frames; resolves when all are committed. */
  end(): Promise<void>;
}

/** Options of {@linkcode createGroup}. */
export interface GroupOptions {
  /** Least time between two commits, in milliseconds. */
  intervalMs: number;
  /** Records after which a group commits without further waiting. */
  enough: number;
  /** Whether a caller waits for the commit. */
  isUrgent: () => boolean;
  /** Commits frames; expected not to fail. One call at a time. */
  commit: (frames: readonly Frame[]) => Promise<void>;
  /** Called after each commit. */
  onCommitted: () => void;
}

/** Creates an empty group. */
export function createGroup({ intervalMs, enough, isUrgent, commit, onCommitted }: GroupOptions): Group {
  let frames: Frame[] = [];
  let gathered = 0;
  let since: number | undefined;
  let current: { readonly done: Promise<void>; readonly records: number } | undefined;
  let committedAt = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function commitNow(): void {
    committedAt = performance.now();
    const done = commit(frames).finally(() => {
      current = undefined;
      onCommitted();
      commitSoon();
    });
    current = { done, records: gathered };
    frames = [];
    gathered = 0;
    since = undefined;
  }

  function commitSoon(): void {
    if (current !== undefined || frames.length === 0) return;
    clearTimeout(timer);
    const dueMs = committedAt + intervalMs - performance.now();
    if (dueMs <= 0 || gathered >= enough || isUrgent()) commitNow();
    else timer = setTimeout(commitNow, dueMs);
  }

  return {
    get gathered() {
      return gathered;
    },
    get committing() {
      return current?.records ?? 0;
    },
    get isIdle() {
      return frames.length === 0 && current === undefined;
    },
    get since() {
      return since;
    },
    add(frame) {
      since ??= Date.now();
      frames.push(frame);
      gathered += frameSize(frame);
      commitSoon();
    },
    commitSoon,
    async end() {
      commitSoon();
      while (current !== undefined) await current.done;
    },
  };
}
