/**
 * Records from files: CSV or NDJSON, plain or gzip, or standard input.
 *
 * @module
 */
import { always, usEquities } from "../calendar/mod.ts";
import { crc32 } from "node:zlib";
import { describeTimeUnit, timeParser } from "../records/time.ts";
import type { Frame } from "../records/frame.ts";
import type { MarketRecord, RecordKind } from "../records/record.ts";
import { createPosition, type Position } from "./position.ts";
import {
  type Progress,
  type Provider,
  type ProviderContext,
  type ProviderDeclaration,
  type ProviderSettings,
  SettingError,
} from "./provider.ts";
import { absolute, findFiles, readBytes, sizeOf, STDIN } from "./replay/files.ts";
import { createFramer, type FilePlace, openLines } from "./replay/framer.ts";
import { readBlocks } from "./replay/lines.ts";
import { createRefusalWatch } from "./replay/refusals.ts";
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
  const { kinds: [kind], timeframe, timeUnit, resume, dataDir, speed } = settings;
  if (settings.file.length === 0) throw new SettingError("file", "there is none to replay, give one with --file PATH");
  if (settings.kinds.length > 1) {
    throw new SettingError("kind", "there are several, wanted is the one that the files hold");
  }
  const paths = findFiles(settings.file);
  if (resume && paths.includes(STDIN)) {
    throw new SettingError("resume", "standard input cannot be read again: leave out --resume, or give a file");
  }
  /** Of the files that have been opened. */
  const positions: Position<FilePlace>[] = [];
  const total = paths.reduce((sum, path) => sum + sizeOf(path), 0);
  const parse = {
    provider: "replay",
    timeframe,
    parseTime: timeParser(timeUnit),
    timeFormat: describeTimeUnit(timeUnit),
  };
  let done = 0;
  let left = settings.limit ?? Infinity;
  const only = settings.onlySymbols && new Set(settings.onlySymbols);
  let isComplete = false;

  async function* readAll(context: ProviderContext): AsyncGenerator<Frame> {
    const errors: Error[] = [];
    for (const path of paths) {
      try {
        for await (const frame of readFile(path, context)) {
          left -= frame.records.length + frame.rejected.length;
          await context.pace(frame.records.length);
          if (context.stop.aborted) return;
          // A line that waited for its turn arrives now; its records keep their order by the time they were read.
          yield { ...frame, receivedAt: Math.max(frame.receivedAt, Date.now() * 1000) };
          if (left <= 0) return;
        }
      } catch (error) {
        // The other files are read all the same; the error is told at once, and thrown at the end.
        errors.push(new Error(`Cannot read "${path}": ${(error as Error).message}`, { cause: error }));
        if (paths.length > 1) context.warn(errors.at(-1)!.message);
      }
    }
    // A stop looks like the end of standard input.
    isComplete = !(context.stop.aborted && paths.includes(STDIN));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `Cannot read ${errors.length} of ${paths.length} files`);
  }

  async function* readFile(path: string, context: ProviderContext): AsyncGenerator<Frame> {
    const position = path === STDIN ? undefined : createPosition<FilePlace>({
      directory: dataDir,
      name: `replay ${absolute(path)}`,
      target: context,
    });
    if (position !== undefined) positions.push(position);
    const start = resume ? await findStart(path, await position?.load(), context) : undefined;
    const { clock } = context;
    const track = (place: FilePlace) => position?.track(place);
    const framer = createFramer({ source: path, kind, parse, clock, only, start, track });
    let isEmpty = true;
    const chunks = readBytes(path, start?.offset ?? 0, (bytes) => done += bytes, context.stop);
    const { refuseLimit } = settings;
    const watch = refuseLimit === undefined ? undefined : createRefusalWatch(refuseLimit, kind);
    for await (const block of readBlocks(chunks, start?.offset ?? 0)) {
      for (const frame of framer.frames(block, left)) {
        isEmpty = false;
        const problem = watch?.look(frame);
        yield frame;
        if (problem !== undefined) throw new RangeError(problem);
      }
    }
    if (!framer.begun) throw emptyFile(kind);
    if (isEmpty && only !== undefined && start === undefined) {
      context.warn(
        `"${path}" has no record of ${[...only].slice(0, 5).join(", ")}, of which alone it was to be read`,
      );
    }
    const problem = start === undefined ? watch?.end() : undefined;
    if (problem !== undefined) throw new RangeError(problem);
  }

  return {
    name: "replay",
    check: () => checkHeads(paths, kind),
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

/**
 * Looks at the first line of each file.
 *
 * @throws {Error} If none of them can be read.
 */
async function checkHeads(paths: readonly string[], kind: RecordKind<MarketRecord>): Promise<void> {
  const problems: Error[] = [];
  for (const path of paths) {
    // What is read of standard input or of a pipe is gone.
    if (path === STDIN || !Deno.statSync(path).isFile) return;
    const problem = await findProblem(path, kind);
    if (problem === undefined) return;
    problems.push(new Error(`Cannot read "${path}": ${problem.message}`, { cause: problem }));
  }
  throw problems.length === 1
    ? problems[0]
    : new AggregateError(problems, problems.map(({ message }) => message).join("\n"));
}

/** Why a file cannot be read, as far as its first line tells. */
async function findProblem(path: string, kind: RecordKind<MarketRecord>): Promise<Error | undefined> {
  try {
    for await (const { data } of readBlocks(readBytes(path, 0, () => {}), 0)) {
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
      return void openLines(text.split("\n", 1)[0].replace(/\r$/, ""), kind);
    }
    return emptyFile(kind);
  } catch (error) {
    return error as Error;
  }
}

const emptyFile = ({ name }: RecordKind<MarketRecord>) =>
  new RangeError(`it is empty, wanted is a header or a JSON object of a ${name}`);

/** The saved place, where the file is still the one that was read then. */
async function findStart(
  path: string,
  place: FilePlace | undefined,
  context: ProviderContext,
): Promise<FilePlace | undefined> {
  if (place === undefined) return undefined;
  const head = new TextEncoder().encode(place.head);
  const before = Uint8Array.fromHex(place.before);
  const isSame = place.digest === undefined
    ? await hasBytes(path, 0, head) && await hasBytes(path, place.offset - before.length, before)
    : await digestOf(path, place.offset) === place.digest;
  if (isSame) return place;
  context.warn(`"${path}" is not the file that was read last time: reading it from its beginning`);
}

/** The digest of a file's lines, unpacked, up to a place; `undefined` where the file is shorter. */
async function digestOf(path: string, to: number): Promise<number | undefined> {
  let digest = 0;
  let at = 0;
  for await (const chunk of readBytes(path, 0, () => {})) {
    digest = crc32(chunk.subarray(0, to - at), digest);
    at += chunk.length;
    if (at >= to) return digest;
  }
  return at >= to ? digest : undefined;
}

/** Whether the file, unpacked, has these bytes at that place. */
async function hasBytes(path: string, from: number, expected: Uint8Array): Promise<boolean> {
  let at = 0;
  for await (const chunk of readBytes(path, from, () => {})) {
    const count = Math.min(chunk.length, expected.length - at);
    for (let byte = 0; byte < count; byte++) if (chunk[byte] !== expected[at + byte]) return false;
    at += count;
    if (at === expected.length) return true;
  }
  return at === expected.length;
}
