/**
 * Records from files of any format that Barline knows or is told, packed or not, or from standard input.
 *
 * @module
 */
import { always, usEquities } from "../calendar/mod.ts";
import { crc32 } from "node:zlib";
import { type FileItem, nameOf, readRaw } from "../files/container/raw.ts";
import { type OpenedFile, openFile } from "../files/open_file.ts";
import type { PlanContext } from "../files/plan_file.ts";
import { type Frame, frameSize } from "../records/frame.ts";
import { createPosition, type Position } from "./position.ts";
import {
  type Progress,
  type Provider,
  type ProviderContext,
  type ProviderDeclaration,
  type ProviderSettings,
  SettingError,
} from "./provider.ts";
import { absolute, findFiles, itemsOf, sizeOf, STDIN } from "./replay/files.ts";
import { createFramer, type FilePlace } from "./replay/framer.ts";
import { readBlocks } from "./replay/lines.ts";
import { createRefusalWatch } from "./replay/refusals.ts";
import { planContext, PROVIDER, rowsOf } from "./replay/rows.ts";
import { playAtSpeed } from "./replay/speed.ts";

/** Declares the provider `replay`. */
export const replay: ProviderDeclaration = {
  create: createReplay,
  // Currency pairs are written with a slash in most files.
  calendar: (symbol) => symbol.includes("/") ? always : usEquities,
  delayMs: 0,
  account: "open",
  history: false,
};

/**
 * Makes the provider `replay`: one file after another, in constant memory.
 *
 * @throws {SettingError} If a file is missing or cannot be read, or none is given.
 */
export function createReplay(settings: ProviderSettings): Provider {
  const { kinds: [kind], resume, dataDir, speed } = settings;
  if (settings.file.length === 0) throw new SettingError("file", "there is none to replay, give one with --file PATH");
  if (settings.kinds.length > 1) {
    throw new SettingError("kind", "there are several, expected the one that the files hold");
  }
  const paths = findFiles(settings.file);
  if (resume && paths.includes(STDIN)) {
    throw new SettingError("resume", "standard input cannot be read again: leave out --resume, or give a file");
  }
  /** Of the files that have been opened. */
  const positions: Position<FilePlace>[] = [];
  const total = paths.reduce((sum, path) => sum + sizeOf(path), 0);
  const plans = planContext(settings);
  let done = 0;
  let left = settings.limit ?? Infinity;
  const only = settings.onlySymbols && new Set(settings.onlySymbols);
  let isComplete = false;

  async function* readAll(context: ProviderContext): AsyncGenerator<Frame> {
    const errors: Error[] = [];
    const note = (name: string, error: unknown) => {
      // The other files are read all the same; the error is told at once, and thrown at the end.
      errors.push(new Error(`Cannot read "${name}": ${(error as Error).message}`, { cause: error }));
      if (paths.length > 1) context.warn(errors.at(-1)!.message);
    };
    for (const path of paths) {
      let items: FileItem[] = [];
      try {
        items = itemsOf(path);
      } catch (error) {
        note(path, error);
      }
      for (const item of items) {
        try {
          for await (const frame of readFile(item, context)) {
            left -= frameSize(frame);
            await context.pace(frame.columns.count);
            if (context.stop.aborted) return;
            // A line that waited for its turn arrives now; its records keep their order by the time they were read.
            yield { ...frame, receivedAt: Math.max(frame.receivedAt, Date.now() * 1000) };
            if (left <= 0) return;
          }
        } catch (error) {
          note(nameOf(item), error);
        }
      }
    }
    // A stop looks like the end of standard input.
    isComplete = !(context.stop.aborted && paths.includes(STDIN));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `Cannot read ${errors.length} of ${paths.length} files`);
  }

  async function* readFile(item: FileItem, context: ProviderContext): AsyncGenerator<Frame> {
    const name = nameOf(item);
    const position = item.path === STDIN ? undefined : createPosition<FilePlace>({
      directory: dataDir,
      name: `replay ${absolute(name)}`,
      target: context,
    });
    if (position !== undefined) positions.push(position);
    const start = resume ? await findStart(item, await position?.load(), plans, context) : undefined;
    const count = (bytes: number) => done += bytes;
    const opened = await openFile(item, plans, {
      onRead: start === undefined ? count : undefined,
      stop: context.stop,
    });
    const rows = await rowsOf(opened, name, settings);
    const { clock } = context;
    const track = (place: FilePlace) => position?.track(place);
    const framer = createFramer({ source: name, ...rows, clock, only, start, track });
    let isEmpty = true;
    const chunks = start === undefined ? opened.all() : readFrom(item, opened, start.offset, count);
    const { refuseLimit } = settings;
    const watch = refuseLimit === undefined ? undefined : createRefusalWatch(refuseLimit, kind, start !== undefined);
    for await (const block of readBlocks(chunks, start?.offset ?? 0)) {
      for (const frame of framer.frames(block, left)) {
        isEmpty = false;
        const problem = watch?.look(frame);
        yield frame;
        if (problem !== undefined) throw new RangeError(problem);
      }
    }
    if (framer.empty > 0) context.warn(`"${name}" has ${framer.empty} rows without prices, which are left out`);
    if (isEmpty && only !== undefined && start === undefined) {
      context.warn(
        `"${name}" has no record of ${[...only].slice(0, 5).join(", ")}, of which alone it was to be read`,
      );
    }
    const problem = start === undefined ? watch?.end() : undefined;
    if (problem !== undefined) throw new RangeError(problem);
  }

  return {
    name: PROVIDER,
    check: () => checkHeads(paths, settings),
    isComplete: () => isComplete,
    progress: (): Progress | undefined => total > 0 ? { done: Math.min(done, total), total } : undefined,
    open(context) {
      const frames = readAll(context);
      return ReadableStream.from(
        speed === undefined || speed === "max" ? frames : playAtSpeed(frames, speed, context.stop),
      );
    },
    async close() {
      for (const position of positions) await position.save();
    },
  };
}

/** The bytes of a file's rows from a place on. */
async function* readFrom(
  item: FileItem,
  opened: OpenedFile,
  from: number,
  onRead?: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  if (opened.isPlain) {
    await opened.close();
    return yield* readRaw(item, from, { onRead });
  }
  let left = from;
  for await (const chunk of opened.all()) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/**
 * Looks at the first lines of each file.
 *
 * @throws {Error} If none of them can be read.
 */
async function checkHeads(paths: readonly string[], settings: ProviderSettings): Promise<void> {
  const plans = planContext(settings);
  const problems: Error[] = [];
  for (const path of paths) {
    // What is read of standard input or of a pipe is gone.
    if (path === STDIN || !Deno.statSync(path).isFile) return;
    try {
      for (const item of itemsOf(path)) {
        const opened = await openFile(item, plans);
        await rowsOf(opened, nameOf(item), settings);
        return await opened.close();
      }
    } catch (error) {
      problems.push(new Error(`Cannot read "${path}": ${(error as Error).message}`, { cause: error }));
    }
  }
  throw problems.length === 1
    ? problems[0]
    : new AggregateError(problems, problems.map(({ message }) => message).join("\n"));
}

/** The saved place, where the file is still the one that was read then. */
async function findStart(
  item: FileItem,
  place: FilePlace | undefined,
  plans: PlanContext,
  context: ProviderContext,
): Promise<FilePlace | undefined> {
  if (place === undefined) return undefined;
  const head = new TextEncoder().encode(place.head);
  const before = Uint8Array.fromHex(place.before);
  const bytes = async (from: number) => readFrom(item, await openFile(item, plans), from);
  const isSame = place.digest === undefined
    ? await hasBytes(await bytes(0), head) && await hasBytes(await bytes(place.offset - before.length), before)
    : await digestOf(await bytes(0), place.offset) === place.digest;
  if (isSame) return place;
  context.warn(`"${nameOf(item)}" is not the file that was read last time: reading it from its beginning`);
}

/** The digest of a file's lines, unpacked, up to a place; `undefined` where the file is shorter. */
async function digestOf(bytes: AsyncIterable<Uint8Array>, to: number): Promise<number | undefined> {
  let digest = 0;
  let at = 0;
  for await (const chunk of bytes) {
    digest = crc32(chunk.subarray(0, to - at), digest);
    at += chunk.length;
    if (at >= to) return digest;
  }
  return at >= to ? digest : undefined;
}

/** Whether the bytes begin like that. */
async function hasBytes(bytes: AsyncIterable<Uint8Array>, expected: Uint8Array): Promise<boolean> {
  let at = 0;
  for await (const chunk of bytes) {
    const count = Math.min(chunk.length, expected.length - at);
    for (let byte = 0; byte < count; byte++) if (chunk[byte] !== expected[at + byte]) return false;
    at += count;
    if (at === expected.length) return true;
  }
  return at === expected.length;
}
