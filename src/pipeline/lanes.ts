/**
 * One stream, several writers.
 *
 * @module
 */
import type { Turn } from "./order.ts";

/**
 * Hands the chunks of `source` to `lanes`, each chunk to a lane that is free. Every lane takes its next chunk only when
 * it has done with the last, so that at most one chunk a lane is under way. A chunk that has a turn waits for it. Closes
 * the lanes at the end.
 *
 * @throws What a lane failed with; the source is cancelled then and the other lanes finish what they have. What the
 * source failed with; the lanes are aborted then, so that they let go of what they hold.
 */
export async function spread<T>(
  source: ReadableStream<T>,
  lanes: readonly WritableStream<T>[],
  turnOf: (chunk: T) => Turn | undefined = () => undefined,
): Promise<void> {
  const reader = source.getReader();
  const outcomes = await Promise.allSettled(lanes.map(async (lane) => {
    const writer = lane.getWriter();
    // Told by the writes below; unobserved here it would count as an unhandled rejection.
    writer.closed.catch(() => {});
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        using turn = turnOf(next.value);
        await turn?.ready;
        await writer.write(next.value);
      }
      await writer.close();
    } catch (error) {
      await Promise.allSettled([reader.cancel(error), writer.abort(error)]);
      throw error;
    }
  }));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
