/**
 * Saves how far the journal has been settled.
 *
 * @module
 */
import { join } from "@std/path";
import { syncDirectory, writeAll } from "../storage/durable_files.ts";
import { crc32c } from "../records/crc32c.ts";
import { createWriteError } from "./hold.ts";

/** Name of the file: two slots of {@linkcode PLACE_BYTES}, written in turn. */
const NAME = "pointer";
/** `BJPT`, a CRC-32C of the rest, a count of the saves, and the number of the first unsettled entry. */
const PLACE_BYTES = 24;
const MAGIC = 0x54504a42;

/** The pointer of an open journal. */
export interface Pointer extends Disposable {
  /** Number of the first unsettled entry at the last save; 0 without one. */
  readonly saved: number;
  /** Saves; safe when it resolves. A crash meanwhile leaves the previous value. */
  save(next: number): Promise<void>;
}

/**
 * Opens the pointer, and creates a missing one. It is overwritten in place, so that it can be saved on a full disk,
 * where removing segments depends on it.
 *
 * @throws {Error} If the directory cannot be written to.
 */
export async function openPointer(directory: string): Promise<Pointer> {
  const bytes = new Uint8Array(2 * PLACE_BYTES);
  const file = await openFile(directory, bytes).catch((error) => {
    throw createWriteError(directory, error);
  });
  let newest = newestPlace(bytes);
  return {
    get saved() {
      return newest.next;
    },
    async save(next) {
      const saves = newest.saves + 1;
      await file.seek(saves % 2 * PLACE_BYTES, Deno.SeekMode.Start);
      await writeAll(file, writePlace(saves, next));
      await file.syncData();
      newest = { saves, next };
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/** Opens the file, and reads it into `bytes`; a new one is written in full, to reserve its space on disk. */
async function openFile(directory: string, bytes: Uint8Array): Promise<Deno.FsFile> {
  const file = await Deno.open(join(directory, NAME), { create: true, read: true, write: true, mode: 0o600 });
  try {
    const { size } = await file.stat();
    if (size < bytes.length) {
      await writeAll(file, bytes);
      await file.syncData();
      await syncDirectory(directory);
    } else {
      for (let read = 0; read < bytes.length;) read += await file.read(bytes.subarray(read)) ?? bytes.length;
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The pointer of a journal that is only inspected; 0 if it is missing. */
export async function readPointer(directory: string): Promise<number> {
  try {
    return newestPlace(await Deno.readFile(join(directory, NAME))).next;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

interface Place {
  readonly saves: number;
  readonly next: number;
}

/** The value saved last; without a whole one, no entry of the journal counts as settled. */
function newestPlace(bytes: Uint8Array): Place {
  const places = [readPlace(bytes, 0), readPlace(bytes, PLACE_BYTES)].filter((place) => place !== undefined);
  return places.sort((a, b) => b.saves - a.saves)[0] ?? { saves: 0, next: 0 };
}

function writePlace(saves: number, next: number): Uint8Array {
  const bytes = new Uint8Array(PLACE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setFloat64(8, saves, true);
  view.setFloat64(16, next, true);
  view.setUint32(4, crc32c(bytes, 8), true);
  return bytes;
}

function readPlace(bytes: Uint8Array, at: number): Place | undefined {
  if (bytes.length < at + PLACE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(at, true) !== MAGIC) return undefined;
  if (view.getUint32(at + 4, true) !== crc32c(bytes, at + 8, at + PLACE_BYTES)) return undefined;
  const place = { saves: view.getFloat64(at + 8, true), next: view.getFloat64(at + 16, true) };
  return Number.isSafeInteger(place.saves) && Number.isSafeInteger(place.next) ? place : undefined;
}
