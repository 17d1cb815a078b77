/**
 * Ends a provider at once when the right to stream it ends, in any state of the provider and the pipeline.
 *
 * @module
 */
import type { Provider } from "../providers/provider.ts";
import type { Frame } from "../records/frame.ts";

/** The right to stream. */
export interface Fence {
  /** Aborts when the right ends. */
  readonly signal: AbortSignal;
  /** Whether the right exists at this moment: a process that hung resumes before its timers fire. */
  isOpen(): boolean;
  /** Called with each stream that begins (1) or ends (-1). */
  readonly onCount: (change: 1 | -1) => void;
}

/** Puts a provider behind a fence: after the end of the right no frame passes, and the connection is closed. */
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
            // Errors beyond the fence have no reader.
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
