/**
 * Combines several sources of one vendor into a provider: streamed bars, and polled records of other kinds.
 *
 * @module
 */
import { merge } from "../../pipeline/merge.ts";
import type { Frame } from "../../records/frame.ts";
import type { Provider } from "../provider.ts";

/** Combines providers of one name into one. Its history is that of the first that has one. */
export function combine(parts: readonly Provider[]): Provider {
  if (parts.length === 1) return parts[0];
  const [first] = parts;
  return {
    name: first.name,
    isLive: true,
    symbols: [...new Set(parts.flatMap(({ symbols = [] }) => symbols))],
    buckets: [...new Set(parts.flatMap(({ buckets = [] }) => buckets))],
    connection: parts.find(({ connection }) => connection !== undefined)?.connection,
    backfill: parts.find(({ backfill }) => backfill !== undefined)?.backfill,
    open(context) {
      const errors: unknown[] = [];
      const streams = parts.map((part) => ({ name: part.name, stream: part.open(context) }));
      const merged = merge(streams, {
        failed(_, error) {
          errors.push(error);
          // The others continue.
          if (errors.length < parts.length) context.warn((error as Error).message);
        },
      });
      return merged.pipeThrough(
        new TransformStream<Frame, Frame>({
          // A provider without any remaining part has failed.
          flush() {
            if (errors.length === parts.length) throw errors.at(-1);
          },
        }),
      );
    },
    async close() {
      for (const part of parts) await part.close?.();
    },
  };
}
