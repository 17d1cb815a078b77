/**
 * The position of a source that can be read again: the place before which everything is committed.
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
  /** The place saved last; `undefined` without one, or if it cannot be read or is in doubt. */
  load(): Promise<P | undefined>;
  /**
   * Adds a place, in the order of reading; call the result when everything before it since the last added place is
   * settled. Settlements may come in any order: the position moves over settled places without a gap.
   */
  track(place: P): () => void;
  /** Saves the present position. */
  save(): Promise<void>;
}

/** Options of {@linkcode createPosition}. */
export interface PositionOptions {
  /** The data directory. */
  directory: string;
  /** The input, in enough detail to distinguish it from any other. */
  name: string;
  /**
   * The destination of the records. A position saved for another destination is in doubt and is not loaded. If the
   * destination changes in mid-run, no further position is saved.
   */
  target?: PositionTarget;
}

/** The content of a file; earlier versions have no destination. */
interface Saved<P> {
  readonly name: string;
  readonly place: P;
  readonly destination?: Destination;
}

/** Creates a position that is kept in a file below the data directory. */
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
    // A unique name: another process may read the same source at the same time.
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
      // A save is tried each second: on a full disk these files would become thousands.
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
        // A failed save is repeated at the end, which reports the error.
        if (performance.now() - savedAt >= SAVE_EVERY_MS) save().catch(() => {});
      };
    },
    save,
  };
}
