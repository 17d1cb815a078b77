/**
 * Sources and destinations that tell what is done to them.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/** A source that is read by demand. */
export interface TestSource<T> {
  readonly stream: ReadableStream<T>;
  /** Chunks that were asked for and given. */
  readonly pulled: number;
  /** Resolves with the reason when the source is cancelled. */
  readonly cancelled: Promise<unknown>;
}

/** A source that fills its stream by `source`, which calls `count` for each chunk. */
function observe<T>(source: (count: () => void) => UnderlyingDefaultSource<T>): TestSource<T> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  let pulled = 0;
  const stream = new ReadableStream<T>({ ...source(() => pulled++), cancel: resolve }, { highWaterMark: 0 });
  return {
    stream,
    cancelled: promise,
    get pulled() {
      return pulled;
    },
  };
}

/** A source of these chunks; an endless iterable will do. It gives a chunk only when one is asked for. */
export function sourceOf<T>(chunks: Iterable<T>): TestSource<T> {
  const iterator = chunks[Symbol.iterator]();
  return observe((count) => ({
    pull(controller) {
      const { done, value } = iterator.next();
      if (done) return controller.close();
      count();
      controller.enqueue(value);
    },
  }));
}

/** A source that its test fills. */
export interface ManualSource<T> extends TestSource<T> {
  give(chunk: T): void;
  end(): void;
  fail(error: unknown): void;
}

/** Makes a source that gives nothing on its own. */
export function manualSource<T>(): ManualSource<T> {
  let controller!: ReadableStreamDefaultController<T>;
  let count!: () => void;
  const source = observe<T>((each) => {
    count = each;
    return { start: (own) => void (controller = own) };
  });
  return {
    ...source,
    get pulled() {
      return source.pulled;
    },
    give(chunk) {
      count();
      controller.enqueue(chunk);
    },
    end: () => controller.close(),
    fail: (error) => controller.error(error),
  };
}

/** A destination whose writes end only when they are let go. */
export interface HeldLane<T> {
  readonly stream: WritableStream<T>;
  /** What has been handed to `write`, in order. */
  readonly written: T[];
  readonly closed: boolean;
  /** What it was aborted with. */
  readonly abortedWith: unknown;
  /** Lets the write that is under way end, or fail. */
  release(error?: unknown): void;
}

/** Makes a destination that holds every write. */
export function heldLane<T>(): HeldLane<T> {
  const written: T[] = [];
  let held: PromiseWithResolvers<void> | undefined;
  let closed = false;
  let abortedWith: unknown;
  const stream = new WritableStream<T>({
    write(chunk) {
      written.push(chunk);
      held = Promise.withResolvers<void>();
      return held.promise;
    },
    close: () => void (closed = true),
    abort: (reason) => void (abortedWith = reason),
  });
  return {
    stream,
    written,
    get closed() {
      return closed;
    },
    get abortedWith() {
      return abortedWith;
    },
    release: (error) => error === undefined ? held?.resolve() : held?.reject(error),
  };
}

/** Lets everything go on that waits for nothing but other promises; no fake clock holds it up. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** What `make` makes, again and again. */
export function* forever<T>(make: (at: number) => T): Generator<T> {
  for (let at = 0;; at++) yield make(at);
}

/** All chunks of a stream. */
export function collect<T>(stream: ReadableStream<T>): Promise<T[]> {
  return Array.fromAsync(stream);
}
