/**
 * Changes the streamed shards, one set after the other, independently of the heartbeats, as a feed may be slow to
 * close.
 *
 * @module
 */

/**
 * - `settled`: exactly these shards are streamed;
 * - `changing`: a change is in flight or waits for another;
 * - `failed`: the last change failed at this time of the monotonic clock, and it is unknown which shards are streamed.
 */
export type StreamingState =
  | { readonly state: "settled"; readonly shards: ReadonlySet<number> }
  | { readonly state: "changing" }
  | { readonly state: "failed"; readonly at: number };

/** See the module's description. */
export interface Streaming {
  readonly current: StreamingState;
  /** Changes the streamed shards to these, after the changes in flight; resolves when that has succeeded or failed. */
  set(shards: ReadonlySet<number>): Promise<void>;
}

/** Options of {@linkcode createStreaming}. */
export interface StreamingOptions {
  /** Changes the streamed shards to these; resolves when no other shard is streamed. */
  stream: (shards: ReadonlySet<number>) => Promise<void>;
  onFailed: (error: unknown) => void;
  /** Called after each change, whether it succeeded or failed. */
  onChanged: () => void;
}

/** Begins without a shard. */
export function createStreaming({ stream, onFailed, onChanged }: StreamingOptions): Streaming {
  let current: StreamingState = { state: "settled", shards: new Set() };
  let pending = 0;
  let last: Promise<void> = Promise.resolve();

  async function change(shards: ReadonlySet<number>): Promise<StreamingState> {
    try {
      await stream(shards);
      return { state: "settled", shards };
    } catch (error) {
      onFailed(error);
      return { state: "failed", at: performance.now() };
    }
  }

  return {
    get current() {
      return current;
    },
    set(shards) {
      current = { state: "changing" };
      pending++;
      last = last.then(async () => {
        const result = await change(shards);
        pending--;
        if (pending === 0) current = result;
        onChanged();
      });
      return last;
    },
  };
}
