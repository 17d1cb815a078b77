/**
 * The place of an export's files: a directory, or a bucket of S3.
 *
 * @module
 */

import type { PendingFile } from "../storage/pending_file.ts";

/** See the module's description. Paths have `/`. */
export interface ExportPlace {
  /** Address for people. */
  readonly label: string;
  /** Begins a file; it replaces an existing one once it is committed. */
  create(path: string): Promise<PendingFile>;
  /** The bytes of a file; `undefined` if the file does not exist. */
  open(path: string): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Name of any file or directory there; `undefined` if the place is empty or missing. */
  findAny(): Promise<string | undefined>;
}

/** The whole of a small file as text; `undefined` if the file does not exist. */
export async function readText(place: ExportPlace, path: string): Promise<string | undefined> {
  const stream = await place.open(path);
  return stream && await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

/** Writes a small file at once. */
export async function writeText(place: ExportPlace, path: string, text: string): Promise<void> {
  const file = await place.create(path);
  try {
    await file.write(new TextEncoder().encode(text));
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}
