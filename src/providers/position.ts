/**
 * Where a source that can be read again has been read to: the place before which everything is committed.
 *
 * @module
 */
import { join } from "@std/path";
import { type Destination, findDifference } from "../database/destination.ts";
import { makeDirectory, syncDirectory, writeAll } from "../storage/durable_files.ts";
import { createPlaces } from "./places.ts";

/** Shortest time between two saves while running, in milliseconds. */
const SAVE_EVERY_MS = 1000;

/** A remembered place. `P` is JSON. */
export interface Position<P> {
  /** The place saved last; `undefined` where there is none, it cannot be read, or it is in doubt. */
  load(): Promise<P | undefined>;
  /**
   * Notes a place, in the order of reading, and returns the function to call when everything before it since the last
   * noted place is settled. Settlements may come in any order: the place moves over what is settled without a gap.
   */
  track(place: P): () => void;
  /** Saves the place reached. */
  save(): Promise<void>;
}

/** Where the records go that positions are about. */
export interface PositionTarget {
  /** Which destination it is now, and how far it has come; absent where that cannot be known. */
  readonly destination?: () => Promise<Destination>;
  /** Tells people something. */
  readonly warn: (message: string) => void;
}

/** Options of {@linkcode createPosition}. */
export interface PositionOptions {
  /** The data directory. */
  directory: string;
  /** What is read, as completely as to tell it from anything else. */
  name: string;
  /**
   * Where the records go. A position that was saved for another destination is in doubt and is not loaded. Where the
   * destination changes in mid-run, no further place is saved.
   */
  target?: PositionTarget;
}

/** What a file holds; those of earlier versions have no destination. */
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
  /** The destination as it was when last asked; `"changed"` when what was stored there may be gone. */
  let destination: Destination | "changed" | undefined;

  async function path(): Promise<string> {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(options.name));
    return join(directory, `${new Uint8Array(digest).toHex().slice(0, 24)}.json`);
  }

  /** Asks for the destination again: all that is settled by now was committed before that. */
  async function confirm(): Promise<void> {
    if (target?.destination === undefined || destination === "changed") return;
    // One that is away is as it was when it was last there.
    const now = await target.destination().catch(() => destination as Destination | undefined);
    const difference = destination && now && findDifference(destination, now);
    if (difference !== undefined) {
      target.warn(`Records go to ${difference}: what was read before may be missing there, run again with --resume`);
    }
    destination = difference === undefined ? now : "changed";
  }

  async function write(): Promise<void> {
    const place = places.reached;
    if (place === saved) return;
    await confirm();
    if (destination === "changed") return;
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
      await confirm();
      let saved: Saved<P>;
      try {
        saved = JSON.parse(await Deno.readTextFile(await path()));
      } catch {
        return undefined;
      }
      if (target?.destination === undefined || saved.destination === undefined) return saved.place;
      const difference = destination === undefined || destination === "changed"
        ? "a database that does not say which it is"
        : findDifference(saved.destination, destination);
      if (difference === undefined) return saved.place;
      target.warn(`Records go to ${difference}: what was read as "${options.name}" is read again`);
    },
    track(place) {
      const settle = places.track(place);
      return () => {
        settle();
        // A place that cannot be saved now is saved at the end, and that error is told.
        if (performance.now() - savedAt >= SAVE_EVERY_MS) save().catch(() => {});
      };
    },
    save,
  };
}
