/**
 * Positions of many files: the places of all files in one log, saved together.
 *
 * A save appends one line with the places that have moved, and syncs once for any number of files. A line that a crash
 * or a full disk cut short is skipped. The log is rewritten when most of it is out of date. Several processes may use
 * it at the same time: each takes a lock for an append.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import type { Destination } from "../../database/destination.ts";
import { makeDirectory, syncDirectory, writeAll } from "../../storage/durable_files.ts";
import { createDestinationWatch } from "../destination_watch.ts";
import { createPlaces } from "../places.ts";
import { createPosition, type PositionOptions } from "../position.ts";

/** Shortest time between two saves while running, in milliseconds. */
const SAVE_EVERY_MS = 1000;
/** Size of a log below which it is not rewritten. */
const SMALL_BYTES = 4 * 1024 * 1024;
const NAME = "files.jsonl";

/** Places of files. `P` is JSON. */
export interface FilePositions<P> {
  /** The place of a file saved last; `undefined` without one, or if it cannot be read or is in doubt. */
  load(name: string): Promise<P | undefined>;
  /**
   * Begins a file. The function adds a place, in the order of reading; call its result when everything before it is
   * settled, in any order.
   */
  open(name: string): (place: P) => () => void;
  /** Saves the present places. */
  save(): Promise<void>;
}

/** The directory of the places, and the destination of the records. */
export type FilePositionOptions = Omit<PositionOptions, "name">;

/** A line of the log. */
interface Saved<P> {
  readonly destination?: Destination;
  readonly places: readonly (readonly [name: string, place: P])[];
}

/** A place, with the destination that it belongs to. */
interface Known<P> {
  readonly place: P;
  readonly destination?: Destination;
}

/** Opens the places that are kept below the data directory. */
export function openFilePositions<P>({ directory, target }: FilePositionOptions): FilePositions<P> {
  const path = join(directory, "positions", NAME);
  const watch = createDestinationWatch(target);
  let known: Promise<ReadonlyMap<string, Known<P>>> | undefined;
  /** Places that have moved since the last save. */
  let moved = new Map<string, P>();
  let savedAt = -Infinity;
  let saving: Promise<void> = Promise.resolve();
  /** Size at which the log is rewritten. */
  let largest = SMALL_BYTES;

  async function write(): Promise<void> {
    if (moved.size === 0 || !await watch.confirm()) return;
    const places = moved;
    moved = new Map();
    try {
      const line = JSON.stringify({ destination: watch.current, places: [...places] } satisfies Saved<P>);
      const size = await append(path, line);
      if (size > largest) largest = Math.max(SMALL_BYTES, 2 * await compact<P>(path));
    } catch (error) {
      // They are saved with the next ones, except those that have moved again.
      moved = new Map([...places, ...moved]);
      throw error;
    }
  }

  function save(): Promise<void> {
    savedAt = performance.now();
    return saving = saving.catch(() => {}).then(write);
  }

  return {
    async load(name) {
      known ??= watch.confirm().then(() => readLog<P>(path));
      const saved = (await known).get(name);
      // Earlier versions had a separate file for each.
      if (saved === undefined) return await createPosition<P>({ directory, name, target }).load();
      return watch.accepts(saved.destination, name) ? saved.place : undefined;
    },
    open(name) {
      const places = createPlaces<P>();
      let reached: P | undefined;
      return (place) => {
        const settle = places.track(place);
        return () => {
          settle();
          if (places.reached === undefined || places.reached === reached) return;
          moved.set(name, reached = places.reached);
          // A failed save is repeated at the end, which reports the error.
          if (performance.now() - savedAt >= SAVE_EVERY_MS) save().catch(() => {});
        };
      };
    },
    save,
  };
}

/** The last place of each file. */
async function readLog<P>(path: string): Promise<Map<string, Known<P>>> {
  const found = new Map<string, Known<P>>();
  for (const line of (await Deno.readTextFile(path).catch(() => "")).split("\n")) {
    const saved = parse<P>(line);
    for (const [name, place] of saved?.places ?? []) {
      // The order is that of the last save.
      found.delete(name);
      found.set(name, { place, destination: saved!.destination });
    }
  }
  return found;
}

function parse<P>(line: string): Saved<P> | undefined {
  try {
    const saved = JSON.parse(line);
    return Array.isArray(saved?.places) ? saved : undefined;
  } catch {
    return undefined;
  }
}

/** Appends a line durably, and returns the size of the log. */
async function append(path: string, line: string): Promise<number> {
  using file = await openLocked(path);
  const { size } = await file.stat();
  // Ends a line that was cut off.
  await writeAll(file, new TextEncoder().encode(`${size > 0 ? "\n" : ""}${line}`));
  await file.syncData();
  if (size === 0) await syncDirectory(dirname(path));
  return size + line.length;
}

/** Opens the log for appending, and takes its lock. */
async function openLocked(path: string): Promise<Deno.FsFile> {
  await makeDirectory(dirname(path));
  while (true) {
    const file = await Deno.open(path, { create: true, append: true, mode: 0o600 });
    try {
      // Some network file systems have no locks; a line is still appended in one write.
      await file.lock(true).catch(() => {});
      const [own, there] = [await file.stat(), await Deno.stat(path).catch(() => undefined)];
      // Another process may have replaced the log.
      if (there !== undefined && own.ino === there.ino) return file;
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

/** Rewrites the log with the last place of each file, and returns its size. */
async function compact<P>(path: string): Promise<number> {
  using _lock = await openLocked(path);
  const byDestination = new Map<string, Saved<P> & { places: [string, P][] }>();
  for (const [name, { place, destination }] of await readLog<P>(path)) {
    const key = JSON.stringify(destination ?? null);
    const saved = byDestination.get(key) ?? { destination, places: [] };
    saved.places.push([name, place]);
    byDestination.set(key, saved);
  }
  const bytes = new TextEncoder().encode([...byDestination.values()].map((saved) => JSON.stringify(saved)).join("\n"));
  const unfinished = `${path}.${crypto.randomUUID().slice(0, 8)}.new`;
  try {
    {
      using file = await Deno.open(unfinished, { createNew: true, write: true, mode: 0o600 });
      await writeAll(file, bytes);
      await file.syncData();
    }
    await Deno.rename(unfinished, path);
  } catch (error) {
    await Deno.remove(unfinished).catch(() => {});
    throw error;
  }
  await syncDirectory(dirname(path));
  return bytes.length;
}
