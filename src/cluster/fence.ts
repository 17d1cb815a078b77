/**
 * A provider that ends at once when the right to stream it is over, whatever it and the pipeline are doing.
 *
 * @module
 */
import type { Provider } from "../providers/provider.ts";
import type { Frame } from "../records/frame.ts";

/** The right to stream. */
export interface Fence {
  /** Aborts when it is over. */
  readonly signal: AbortSignal;
  /** Whether it is there still, to the moment: a process that was stopped goes on before any of its timers. */
  isOpen(): boolean;
  /** Told how many streams there are. */
  readonly onCount: (change: 1 | -1) => void;
}

/** Puts a provider behind a fence: nothing that it gives passes after its end, and its connection is closed. */
export function fenceProvider(provider: Provider, fence: Fence): Provider {
  return {
    ...provider,
    open(context) {
      const stop = AbortSignal.any([context.stop, fence.signal]);
      const reader = provider.open({ ...context, stop }).getReader();
      fence.onCount(1);
      let isOver = false;
      function end(): void {
        if (isOver) return;
        isOver = true;
        fence.signal.removeEventListener("abort", cut);
        fence.onCount(-1);
      }
      function cut(): void {
        reader.cancel(fence.signal.reason).catch(() => {}).finally(end);
      }
      return new ReadableStream<Frame>({
        start() {
          if (fence.signal.aborted) cut();
          else fence.signal.addEventListener("abort", cut, { once: true });
        },
        async pull(controller) {
          try {
            const { done, value } = await reader.read();
            if (!done && fence.isOpen()) return controller.enqueue(value);
            if (!done) cut();
            end();
            controller.close();
          } catch (error) {
            end();
            // Beyond the fence nobody is interested.
            if (fence.signal.aborted) controller.close();
            else controller.error(error);
          }
        },
        async cancel(reason) {
          await reader.cancel(reason);
          end();
        },
      }, { highWaterMark: 0 });
    },
  };
}
