/**
 * Opens files ahead: while one is read and stored, the next ones are opened and planned.
 *
 * @module
 */

/** Something that is opened before its turn, and closed if its turn does not come. */
export interface Openable {
  close(): Promise<void>;
}

/** The result of opening. */
export type Opening<T> = { readonly ok: true; readonly opened: T } | { readonly ok: false; readonly error: unknown };

/** Options of {@linkcode openAhead}. */
export interface AheadOptions<I, T> {
  open: (item: I) => Promise<T>;
  /** Items opened before their turn. */
  count: number;
  /** Whether opening an item ends without waiting for others: one that waits for a writer is opened at its turn. */
  isReady: (item: I) => boolean;
}

/** Yields the items in their order, each with the result of its opening. */
export async function* openAhead<I, T extends Openable>(
  items: Iterable<I>,
  { open, count, isReady }: AheadOptions<I, T>,
): AsyncGenerator<[I, Opening<T>]> {
  const rest = items[Symbol.iterator]();
  const waiting: { item: I; opening?: Promise<Opening<T>> }[] = [];
  const start = (item: I): Promise<Opening<T>> =>
    open(item).then((opened) => ({ ok: true, opened }), (error) => ({ ok: false, error }));
  let isAtEnd = false;

  function fill(): void {
    while (!isAtEnd && waiting.length < count) {
      const { done, value } = rest.next();
      if (done) isAtEnd = true;
      else waiting.push({ item: value, opening: isReady(value) ? start(value) : undefined });
    }
  }

  try {
    fill();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { item, opening = start(item) } = next;
      const opened = await opening;
      fill();
      yield [item, opened];
      // If none is opened ahead.
      fill();
    }
  } finally {
    for (const { opening } of waiting) {
      const came = await opening;
      if (came?.ok) await came.opened.close();
    }
  }
}
