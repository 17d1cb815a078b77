/**
 * Where a source that can be read again has been read to: the place before which everything is committed.
 *
 * @module
 */
import { join } from "@std/path";
import { makeDirectory, syncDirectory, writeAll } from "../durable_files.ts";

/** Shortest time between two saves while running, in milliseconds. */
const SAVE_EVERY_MS = 1000;

/** A remembered place. `P` is JSON. */
export interface Position<P> {
  /** The place saved last; `undefined` where there is none or it cannot be read. */
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
  /** What is read, as completely as to tell it from anything else. */
  name: string;
}

/** A place that is noted, between its neighbours. */
interface Tracked<P> {
  readonly place: P;
  settled: boolean;
  before?: Tracked<P>;
  after?: Tracked<P>;
}

/** Makes a position that is kept in a file below the data directory. */
export function createPosition<P>(options: PositionOptions): Position<P> {
  const directory = join(options.directory, "positions");
  /** First and last of the places that are not passed yet, as a list: of neighbours that are settled only the last stays. */
  let first: Tracked<P> | undefined;
  let last: Tracked<P> | undefined;
  let reached: P | undefined;
  let saved: P | undefined;
  let savedAt = -Infinity;
  let saving: Promise<void> = Promise.resolve();

  async function path(): Promise<string> {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(options.name));
    return join(directory, `${new Uint8Array(digest).toHex().slice(0, 24)}.json`);
  }

  async function write(): Promise<void> {
    if (reached === saved) return;
    const place = reached;
    await makeDirectory(directory);
    const target = await path();
    // A name of its own: another process may read the same source at the same time.
    const unfinished = `${target}.${crypto.randomUUID().slice(0, 8)}.new`;
    try {
      {
        using file = await Deno.open(unfinished, { createNew: true, write: true, mode: 0o600 });
        await writeAll(file, new TextEncoder().encode(JSON.stringify({ name: options.name, place })));
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

  function remove({ before, after }: Tracked<P>): void {
    if (before === undefined) first = after;
    else before.after = after;
    if (after === undefined) last = before;
    else after.before = before;
  }

  function save(): Promise<void> {
    savedAt = performance.now();
    return saving = saving.catch(() => {}).then(write);
  }

  return {
    async load() {
      try {
        return JSON.parse(await Deno.readTextFile(await path())).place;
      } catch {
        return undefined;
      }
    },
    track(place) {
      const entry: Tracked<P> = { place, settled: false, before: last };
      if (last === undefined) first = entry;
      else last.after = entry;
      last = entry;
      return () => {
        entry.settled = true;
        if (entry.before?.settled) remove(entry.before);
        if (entry.after?.settled) remove(entry);
        if (first?.settled) {
          reached = first.place;
          remove(first);
        }
        // A place that cannot be saved now is saved at the end, and that error is told.
        if (performance.now() - savedAt >= SAVE_EVERY_MS) save().catch(() => {});
      };
    },
    save,
  };
}
