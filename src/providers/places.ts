/**
 * Tracks places in the order of reading, and the last one before which everything is settled.
 *
 * @module
 */

/** See the module's description. */
export interface Places<P> {
  /** The last place before which everything is settled; `undefined` before the first. */
  readonly reached: P | undefined;
  /** Adds a place, and returns the function to call when everything before it since the last added place is settled. */
  track(place: P): () => void;
}

/** A place between its neighbours. */
interface Tracked<P> {
  readonly place: P;
  isSettled: boolean;
  before?: Tracked<P>;
  after?: Tracked<P>;
}

/** Makes an empty list. Settlements may come in any order. */
export function createPlaces<P>(): Places<P> {
  /** First and last of the places that are not passed yet: only the last of adjoining settled ones is kept. */
  let first: Tracked<P> | undefined;
  let last: Tracked<P> | undefined;
  let reached: P | undefined;

  function remove({ before, after }: Tracked<P>): void {
    if (before === undefined) first = after;
    else before.after = after;
    if (after === undefined) last = before;
    else after.before = before;
  }

  return {
    get reached() {
      return reached;
    },
    track(place) {
      const entry: Tracked<P> = { place, isSettled: false, before: last };
      if (last === undefined) first = entry;
      else last.after = entry;
      last = entry;
      return () => {
        entry.isSettled = true;
        if (entry.before?.isSettled) remove(entry.before);
        if (entry.after?.isSettled) remove(entry);
        if (first?.isSettled) {
          reached = first.place;
          remove(first);
        }
      };
    },
  };
}
