/**
 * Contents of a journal, by provider and kind.
 *
 * @module
 */
import { decodeFrame } from "../records/codec.ts";

/** Counts of one provider's records of one kind. */
export interface Contents {
  readonly provider: string;
  readonly kind: string;
  readonly frames: number;
  readonly records: number;
  /** Items received instead of records. */
  readonly rejected: number;
}

/** Creates an empty count. Unreadable frames count as the kind `unreadable`. */
export function createContents(): { add: (entry: { message: Uint8Array }) => void; list: () => Contents[] } {
  const counts = new Map<string, Contents>();
  return {
    add({ message }) {
      const { provider, kind, count, rejected } = read(message);
      const name = JSON.stringify([provider, kind]);
      const before = counts.get(name) ?? { provider, kind, frames: 0, records: 0, rejected: 0 };
      counts.set(name, {
        ...before,
        frames: before.frames + 1,
        records: before.records + count,
        rejected: before.rejected + rejected,
      });
    },
    list: () => [...counts.values()].sort((a, b) => b.records - a.records),
  };
}

function read(message: Uint8Array): { provider: string; kind: string; count: number; rejected: number } {
  try {
    const { provider, kind, columns, rejected } = decodeFrame(message);
    return { provider, kind, count: columns.count, rejected: rejected.length };
  } catch {
    return { provider: "", kind: "unreadable", count: 0, rejected: 0 };
  }
}
