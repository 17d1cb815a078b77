/**
 * Server-sent events: the overview, twice a second at most, for all watchers.
 *
 * @module
 */

/** The data to send. */
export interface EventSources {
  /** The current overview; JSON. */
  readonly overview: () => Promise<unknown>;
  /** The points of the charts, oldest first: sent when a new one exists. */
  readonly samples: () => readonly { readonly ts: number }[];
}

/** Sends events; disposing of it ends all streams. */
export interface EventHub extends Disposable {
  /** Answers with a stream of events `overview` and `samples`; 503 for too many watchers. */
  open(): Response;
}

/** Time between two events, in milliseconds. */
const EVERY_MS = 500;
/** Most watchers at once. */
const MAX_WATCHERS = 100;
/** Events that a slow reader may be behind; until it has caught up it gets no more. */
const MAX_BEHIND = 4;

/** Creates a hub. Without watchers it does nothing. */
export function createEventHub({ overview, samples }: EventSources): EventHub {
  const watchers = new Map<ReadableStreamDefaultController<Uint8Array>, { sampledAt?: number }>();
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval> | undefined;
  let isBusy = false;

  const encode = (name: string, data: unknown) => encoder.encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);

  async function tick(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    try {
      const now = encode("overview", await overview());
      const points = samples();
      const newest = points.at(-1)?.ts ?? 0;
      let history: Uint8Array | undefined;
      for (const [watcher, state] of watchers) {
        if (watcher.desiredSize! <= -MAX_BEHIND) continue;
        if (state.sampledAt !== newest) watcher.enqueue(history ??= encode("samples", points));
        state.sampledAt = newest;
        watcher.enqueue(now);
      }
    } finally {
      isBusy = false;
    }
  }

  function remove(watcher: ReadableStreamDefaultController<Uint8Array>): void {
    watchers.delete(watcher);
    if (watchers.size === 0) clearInterval(timer);
  }

  return {
    open() {
      if (watchers.size >= MAX_WATCHERS) {
        return new Response(`Too many watch: expected at most ${MAX_WATCHERS}\n`, { status: 503 });
      }
      let own: ReadableStreamDefaultController<Uint8Array>;
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          own = controller;
          watchers.set(controller, {});
          if (watchers.size === 1) timer = setInterval(() => tick().catch(() => {}), EVERY_MS);
          tick().catch(() => {});
        },
        cancel: () => remove(own),
      });
      return new Response(stream, {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
      });
    },
    [Symbol.dispose]() {
      for (const watcher of [...watchers.keys()]) {
        remove(watcher);
        watcher.close();
      }
    },
  };
}
