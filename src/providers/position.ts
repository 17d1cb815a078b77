/**
 * Where a source that can be read again has been read to: the place before which everything is committed.
 *
 * @module
 */
import { join } from "@std/path";
import type { Destination } from "../database/destination.ts";
import { makeDirectory, syncDirectory, writeAll } from "../storage/durable_files.ts";
import { createDestinationWatch, type PositionTarget } from "./destination_watch.ts";
import { createPlaces } from "./places.ts";

/** Shortest time between two saves while running, in milliseconds. */
const SAVE_EVERY_MS = 1000;

/** A remembered place. `P` is JSON. */
export interface Position<P> {
  /** The place saved last; `undefined` without one, where it cannot be read, or where it is in doubt. */
  load(): Promise<P | undefined>;
  /**
   * Notes a place, in the order of reading, and returns the function to call when everything before it since the last
   * noted place is settled. Settlements may come in any order: the place moves over what is settled without a gap.
   */
  track(place: P): () => void;
  /** Saves the place reached. */
  save(): Promise<void>;
}

/** Options of {@linkcode createPosition}. */
export interface PositionOptions {
  /** The data directory. */
  directory: string;
  /** The input, as completely as it takes to distinguish it from any other. */
  name: string;
  /**
   * Where the records go. A position that was saved for another destination is in doubt and is not loaded. Where the
   * destination changes in mid-run, no further place is saved.
   */
  target?: PositionTarget;
}

/** The content of a file; those of earlier versions have no destination. */
interface Saved<P> {
  readonly name: string;
  readonly place: P;
  readonly destination?: Destination;
}

/** Makes a position that is kept in a file below the data directory. */
export function createPosition<P>(options: PositionOptions): Position<P> {
  const directory = join(options.directory, "positions");
  const places = createPlaces<P>();
  let saved: P | undefined;
  let savedAt = -Infinity;
  let saving: Promise<void> = Promise.resolve();
  const { target } = options;
  const watch = createDestinationWatch(target);

  async function path(): Promise<string> {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(options.name));
    return join(directory, `${new Uint8Array(digest).toHex().slice(0, 24)}.json`);
  }

  async function write(): Promise<void> {
    const place = places.reached;
    if (place === saved) return;
    if (!await watch.confirm()) return;
    const destination = watch.current;
    await makeDirectory(directory);
    const target = await path();
    // A name of its own: another process may read the same source at the same time.
    const unfinished = `${target}.${crypto.randomUUID().slice(0, 8)}.new`;
    try {
      {
        using file = await Deno.open(unfinished, { createNew: true, write: true, mode: 0o600 });
        await writeAll(
          file,
          new TextEncoder().encode(
            JSON.stringify({ name: options.name, place, destination } satisfies Saved<P | undefined>),
          ),
        );
        await file.syncData();
      }
      await Deno.rename(unfinished, target);
    } catch (error) {
      // It is tried each second: on a disk that stays full these would become thousands.
      await Deno.remove(unfinished).catch(() => {});
      throw error;
    }
    await syncDirectory(directory);
    saved = place;
  }

  function save(): Promise<void> {
    savedAt = performance.now();
    return saving = saving.catch(() => {}).then(write);
  }

  return {
    async load() {
      await watch.confirm();
      let saved: Saved<P>;
      try {
        saved = JSON.parse(await Deno.readTextFile(await path()));
      } catch {
        return undefined;
      }
      return watch.accepts(saved.destination, options.name) ? saved.place : undefined;
    },
    track(place) {
      const settle = places.track(place);
      return () => {
        settle();
        // A place that cannot be saved now is saved at the end, which reports the error.
        if (performance.now() - savedAt >= SAVE_EVERY_MS) save().catch(() => {});
      };
    },
    save,
  };
}
