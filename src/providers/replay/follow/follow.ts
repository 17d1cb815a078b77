/**
 * Follows files that grow: additions are read as they come, through rotations, truncations and deletions.
 *
 * @module
 */
import { isArrow } from "../../../files/container/arrow.ts";
import { isDbn } from "../../../files/container/dbn.ts";
import { isJsonDocument } from "../../../files/container/json_rows.ts";
import { isParquet } from "../../../files/container/parquet.ts";
import type { FileItem } from "../../../files/container/raw.ts";
import { packingOf } from "../../../files/container/unpack.ts";
import { mergeDialects } from "../../../files/dialect.ts";
import { type OpenedFile, openFile } from "../../../files/open_file.ts";
import type { PlanContext } from "../../../files/plan_file.ts";
import type { Frame } from "../../../records/frame.ts";
import type { FilePlace, FramerOptions } from "../framer.ts";
import { findStart, readFrom } from "../start.ts";
import type { Changes } from "./changes.ts";
import { findRotated } from "./rotated.ts";
import { createTail, hasOther, type Tail } from "./tail.ts";

/** Bytes that determine the form of a file. */
const HEAD_BYTES = 4096;

/** Time without a change after which a file that cannot grow counts as whole, in milliseconds. */
const STILL_MS = 2000;

/** Options of {@linkcode followFile}. */
export interface FollowOptions {
  plans: PlanContext;
  changes: Changes;
  signal: AbortSignal;
  warn: (message: string) => void;
  /** The place where the last run ended. */
  load: () => Promise<FilePlace | undefined>;
  track: FramerOptions["track"];
  /** Reads rows of an opened file. */
  read(opened: OpenedFile, name: string, part: FollowedPart): AsyncGenerator<Frame>;
  /** Reads a file that cannot grow, such as a packed one. */
  readWhole(path: string): AsyncGenerator<Frame>;
}

/** Part of a followed file. */
export interface FollowedPart {
  readonly bytes: AsyncGenerator<Uint8Array>;
  readonly start?: FilePlace;
  readonly track: FramerOptions["track"];
  readonly isLastWhole: () => boolean;
}

/** The frames of a path, until the signal aborts. @throws {Error} If it cannot be read. */
export async function* followFile(path: string, options: FollowOptions): AsyncGenerator<Frame> {
  const { plans, signal, warn } = options;
  let last: FilePlace | undefined;
  const track: FramerOptions["track"] = (place) => options.track(last = place);
  /** Where to continue: in the file, or in its rotated copy. */
  let place = await options.load();

  while (!signal.aborted) {
    const file = await openWhenThere(path, options);
    if (file === undefined) return;
    try {
      let start: FilePlace | undefined;
      if (place !== undefined) {
        start = await findStart({ path }, place, plans, () => {}).catch(() => undefined);
        if (start === undefined) yield* readRest(path, place, options, track);
      }
      place = undefined;
      if (isWhole(await headWhenThere(path, file, options))) {
        await waitUntilStill(file, options);
        return yield* options.readWhole(path);
      }
      const tail = createTail(path, file, start?.offset ?? 0, options.changes, signal);
      yield* readTail(path, tail, start, options, track);
      if (tail.end === "truncated") {
        warn(`"${path}" was truncated or replaced: reading it from its beginning`);
        place = last;
      }
    } finally {
      file.close();
    }
  }
}

async function* readTail(
  path: string,
  tail: Tail,
  start: FilePlace | undefined,
  options: FollowOptions,
  track: FramerOptions["track"],
): AsyncGenerator<Frame> {
  const { plans, read } = options;
  let opened: OpenedFile;
  try {
    // A continued file is planned by its beginning.
    opened = start === undefined
      ? await openFile({ path }, plans, { bytes: tail.bytes, isEnough: hasRow(plans) })
      : await openFile({ path }, plans);
    if (!opened.isPlain) {
      throw new RangeError("it cannot be followed, expected delimited text or JSON lines in UTF-8");
    }
  } catch (error) {
    // Half a head of a file that is gone is not a failure.
    if (tail.end === "truncated" || tail.end === "stopped") return;
    throw error;
  }
  if (opened.isEmpty || tail.end === "stopped") return await opened.close();
  if (start !== undefined) await opened.close();
  const bytes = start === undefined ? opened.all() : tail.bytes;
  yield* read(opened, path, { bytes, start, track, isLastWhole: () => tail.end === "replaced" });
}

/** Reads the rest of a rotated file, under its new name. */
async function* readRest(
  path: string,
  place: FilePlace,
  { plans, warn, read }: FollowOptions,
  track: FramerOptions["track"],
): AsyncGenerator<Frame> {
  const item: FileItem | undefined = await findRotated(path, place, plans).catch(() => undefined);
  if (item === undefined) {
    return warn(`"${path}" is not the file that was read last, and no file beside it is: what it had more is not read`);
  }
  const opened = await openFile(item, plans);
  const bytes = readFrom(item, opened, place.offset);
  yield* read(opened, item.path, { bytes, start: place, track, isLastWhole: () => true });
}

async function openWhenThere(path: string, { changes, signal }: FollowOptions): Promise<Deno.FsFile | undefined> {
  while (!signal.aborted) {
    const change = changes.next();
    try {
      return await Deno.open(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await change;
  }
}

async function headWhenThere(path: string, file: Deno.FsFile, { changes, signal }: FollowOptions): Promise<Uint8Array> {
  const head = new Uint8Array(HEAD_BYTES);
  while (true) {
    const change = changes.next();
    await file.seek(0, Deno.SeekMode.Start);
    const count = await file.read(head) ?? 0;
    if (count > 0 || signal.aborted) return head.subarray(0, count);
    if (await hasOther(path, file)) return head.subarray(0, 0);
    await change;
  }
}

/** Waits until writing has ended: half of a packed file cannot be read. */
async function waitUntilStill(file: Deno.FsFile, { changes, signal }: FollowOptions): Promise<void> {
  while (!signal.aborted) {
    const ageMs = Date.now() - ((await file.stat()).mtime?.getTime() ?? 0);
    if (ageMs < 0 || ageMs > STILL_MS) return;
    await changes.next();
  }
}

/** Whether nothing is added to the file: it is packed, a table, or a document. */
function isWhole(head: Uint8Array): boolean {
  const isZip = head[0] === 0x50 && head[1] === 0x4b;
  return packingOf(head) !== "none" || isZip || isParquet(head) || isArrow(head) || isDbn(head) ||
    isJsonDocument(new TextDecoder().decode(head));
}

/** Whether a beginning has the header and a row. */
function hasRow({ given }: PlanContext): (head: Uint8Array) => boolean {
  const { header = 1, skip = 0 } = mergeDialects(given.preset?.dialect, given.dialect);
  return (head) => {
    const isObjects = new TextDecoder().decode(head.subarray(0, 64)).trimStart().startsWith("{");
    let left = isObjects ? 1 : skip + header + 1;
    for (let at = head.indexOf(10); at >= 0 && left > 0; at = head.indexOf(10, at + 1)) left--;
    return left === 0;
  };
}
