/**
 * Limits of TWS on open requests.
 *
 * - **Historical requests**: 50, and one that is kept up to date counts as long as it lasts. Streams leave some to
 *   history.
 * - **Market data lines**: 100 or more by the account; each subscription of real-time bars takes one.
 *
 * Other clients and TWS's own windows may use some of both, so both limits are learned: when TWS refuses one more, the
 * number of open ones is the limit. After that one more is tried every ten minutes.
 *
 * @module
 */
import { createCondition } from "../../condition.ts";

/** Releases a request or line. */
export type Release = () => void;

/** The account of open requests and lines. It outlasts connections. */
export interface Capacity {
  /** Waits for a historical request, for history. */
  takeRequest(signal: AbortSignal): Promise<Release>;
  /**
   * Waits for a historical request, for a stream; `undefined` if streams use all of theirs.
   *
   * @param onSurplus Called when TWS allows fewer than expected: the stream has to release its request.
   */
  takeStream(signal: AbortSignal, onSurplus: () => void): Promise<Release | undefined>;
  /** Whether a market data line may be left. */
  readonly hasLine: boolean;
  /** Takes a market data line; `undefined` when all are in use. */
  takeLine(): Release | undefined;
  /** TWS has refused a request or line that was taken; the caller still has to release it. */
  refused(what: "request" | "line"): void;
  /** Waits until something was released, or one more may be tried. */
  changed(signal: AbortSignal): Promise<void>;
}

/** TWS allows 50; two are left for other requests that it counts. */
const MAX_REQUESTS = 48;
/** Historical requests that streams leave to history. */
const KEPT_FOR_HISTORY = 8;
/** Most open requests of history: more make TWS slower, not faster. */
const MAX_HISTORY = 20;
const GROW_MS = 10 * 60_000;

/** Creates an account without open requests. */
export function createCapacity(): Capacity {
  const requestLimit = createLimit(MAX_REQUESTS, 1);
  const lineLimit = createLimit(Infinity, 0);
  const condition = createCondition();
  const streams = new Set<() => void>();
  let requests = 0;
  let lines = 0;

  const streamLimit = () => Math.max(0, requestLimit.most() - KEPT_FOR_HISTORY);

  function releasing(release: () => void): Release {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      release();
      condition.notify();
    };
  }

  return {
    async takeRequest(signal) {
      while (requests >= Math.min(MAX_HISTORY, requestLimit.most() - streams.size)) {
        signal.throwIfAborted();
        await condition.changed(signal);
      }
      signal.throwIfAborted();
      requests++;
      return releasing(() => requests--);
    },
    async takeStream(signal, onSurplus) {
      while (streams.size < streamLimit()) {
        signal.throwIfAborted();
        if (streams.size + requests >= requestLimit.most()) {
          await condition.changed(signal);
          continue;
        }
        // A function of its own for each stream, as a set would merge equal ones.
        const surplus = () => onSurplus();
        streams.add(surplus);
        return releasing(() => streams.delete(surplus));
      }
      return undefined;
    },
    get hasLine() {
      return lines < lineLimit.most();
    },
    takeLine() {
      if (lines >= lineLimit.most()) return undefined;
      lines++;
      return releasing(() => lines--);
    },
    refused(what) {
      if (what === "line") return lineLimit.refuse(lines - 1);
      requestLimit.refuse(streams.size + requests - 1);
      const surplus = [...streams].slice(streamLimit());
      for (const onSurplus of surplus) onSurplus();
    },
    async changed(signal) {
      const timer = setTimeout(condition.notify, GROW_MS);
      try {
        await condition.changed(signal);
      } finally {
        clearTimeout(timer);
      }
      signal.throwIfAborted();
    },
  };
}

/**
 * A learned limit: `refuse` takes the number of open ones when one more was refused. It never falls below `lowest`, so
 * that history can always try one request.
 */
function createLimit(highest: number, lowest: number) {
  let learned = highest;
  let learnedAt = 0;
  const most = () => Math.min(highest, learned + Math.floor((performance.now() - learnedAt) / GROW_MS));
  return {
    most,
    refuse(open: number) {
      learned = Math.max(lowest, Math.min(most(), open));
      learnedAt = performance.now();
    },
  };
}
