/**
 * The provider of files that grow.
 *
 * @module
 */
import { basename, dirname, isGlob, join } from "@std/path";
import { nameOf } from "../../../files/container/raw.ts";
import { type OpenedFile, openFile } from "../../../files/open_file.ts";
import { type Frame, frameSize } from "../../../records/frame.ts";
import { type Provider, type ProviderContext, type ProviderSettings, SettingError } from "../../provider.ts";
import { absolute, type FoundFiles, isDirectory, itemsOf, searchFiles, STDIN } from "../files.ts";
import type { FilePlace } from "../framer.ts";
import { type FilePositions, openFilePositions } from "../positions.ts";
import { readRows } from "../read_rows.ts";
import { planContext, PROVIDER, rowsOf } from "../rows.ts";
import { findStart, readFrom } from "../start.ts";
import { type Changes, watchChanges } from "./changes.ts";
import { type FollowedPart, followFile } from "./follow.ts";
import { readTogether } from "./together.ts";

/** Most files to follow, as each is kept open. */
const MOST_FILES = 256;
/** Shortest time between two looks for new files, in milliseconds. */
const LOOK_EVERY_MS = 1000;

/**
 * Makes the provider of files that grow. It has no end; a file may appear later, and new files of a folder or glob are
 * followed, too.
 *
 * @throws {SettingError} If the settings do not work for files that grow.
 */
export function createFollowed(settings: ProviderSettings): Provider {
  const { resume, dataDir, limit } = settings;
  checkSettings(settings);
  const plans = planContext(settings);
  const only = settings.onlySymbols && new Set(settings.onlySymbols);
  let positions: FilePositions<FilePlace> | undefined;
  let left = limit ?? Infinity;

  async function* readAll(context: ProviderContext, signal: AbortSignal): AsyncGenerator<Frame> {
    const places = positions ??= openFilePositions({ directory: dataDir, target: context });
    const together = readTogether<Frame>();
    const errors: Error[] = [];
    using changes = watchChanges(settings.file.flatMap(watchedBy), signal);
    const first = new Set(settings.file.flatMap(pathsOf).filter((path) => identityOf(path) !== undefined));
    await context.beginLoad?.([...first]);
    const look = createLook(settings.file, context.warn, (path) => together.add(readPath(path)));

    async function* readPath(path: string): AsyncGenerator<Frame> {
      const { open, load } = keyed(places, path);
      try {
        // A file that appears later belongs to the load, too.
        if (!first.has(path) && identityOf(path) !== undefined) await context.beginLoad?.([path]);
        yield* followFile(path, {
          plans,
          changes,
          signal,
          warn: context.warn,
          load: async () => resume ? await load() : undefined,
          track: open(),
          read: (opened, name, part) => readPart(opened, name, part, context),
          readWhole: (path) => readWhole(path, places, context),
        });
      } catch (error) {
        errors.push(new Error(`Cannot read "${path}": ${(error as Error).message}`, { cause: error }));
        context.warn(errors.at(-1)!.message);
      }
    }

    look();
    if (settings.file.some(isMany)) together.add(lookAgain(look, changes, signal));
    for await (const frame of together.all()) {
      left -= frameSize(frame);
      await context.pace(frame.columns.count);
      if (signal.aborted) break;
      yield { ...frame, receivedAt: Math.max(frame.receivedAt, Date.now() * 1000) };
      if (left <= 0) break;
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  }

  async function* readPart(opened: OpenedFile, name: string, part: FollowedPart, { clock, warn }: ProviderContext) {
    const rows = await rowsOf(opened, name, settings);
    const { refuseLimit } = settings;
    yield* readRows({ source: name, ...rows, ...part, clock, only, refuseLimit, warn, left: () => left });
  }

  async function* readWhole(path: string, places: FilePositions<FilePlace>, context: ProviderContext) {
    for (const item of itemsOf(path)) {
      const name = nameOf(item);
      const { open, load } = keyed(places, name);
      const start = await findStart(item, resume ? await load() : undefined, plans, context.warn);
      const opened = await openFile(item, plans);
      const bytes = start === undefined ? opened.all() : readFrom(item, opened, start.offset);
      yield* readPart(opened, name, { bytes, start, track: open(), isLastWhole: () => true }, context);
    }
  }

  return {
    name: PROVIDER,
    ...(limit === undefined ? {} : { isComplete: () => left <= 0 }),
    open(context) {
      const ended = new AbortController();
      const frames = readAll(context, AbortSignal.any([context.stop, ended.signal]));
      return new ReadableStream<Frame>({
        async pull(controller) {
          const { done, value } = await frames.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        async cancel() {
          ended.abort();
          await frames.return(undefined);
        },
      }, { highWaterMark: 0 });
    },
    close: async () => await positions?.save(),
  };
}

/** The place of a file under its name. */
function keyed(places: FilePositions<FilePlace>, name: string) {
  const key = `replay ${absolute(name)}`;
  return { open: () => places.open(key), load: () => places.load(key) };
}

function checkSettings({ file, speed }: ProviderSettings): void {
  if (file.includes(STDIN)) {
    throw new SettingError("file", "standard input is read until it ends by itself: leave out --follow");
  }
  if (speed !== undefined && speed !== "max") {
    throw new SettingError("speed", "files that grow are read as they come: leave out --follow or --speed");
  }
  for (const path of file.filter((pattern) => !isMany(pattern))) {
    const directory = dirname(path);
    if (!isDirectory(directory)) {
      throw new SettingError("file", `"${path}" cannot be followed: there is no directory "${directory}"`);
    }
  }
  const count = file.flatMap(pathsOf).length;
  if (count > MOST_FILES) {
    throw new SettingError("file", `current value names ${count} files, expected at most ${MOST_FILES} with --follow`);
  }
}

const isMany = (pattern: string) => isGlob(pattern) || isDirectory(pattern);

/** The files that a pattern names now; a single one may appear later. */
function search(pattern: string): FoundFiles {
  return isMany(pattern) ? searchFiles([pattern]) : { paths: [pattern], unreadable: [] };
}

const pathsOf = (pattern: string): readonly string[] => search(pattern).paths;

/** Directories of a pattern in which something may change. */
function watchedBy(pattern: string): string[] {
  return isDirectory(pattern) ? [join(pattern, "-"), ...pathsOf(pattern)] : [pattern, ...pathsOf(pattern)];
}

/** Makes a look for files that are not followed yet. */
function createLook(patterns: readonly string[], warn: (message: string) => void, follow: (path: string) => void) {
  const known = new Set<string>();
  /** A file renamed by a rotation is read to its end under its old name. */
  const identities = new Set<string>();
  const unreadable = new Set<string>();
  return () => {
    const found = patterns.map(search);
    for (const { path, error } of found.flatMap((each) => each.unreadable)) {
      if (!unreadable.has(path)) warn(error.message);
      unreadable.add(path);
    }
    for (const path of found.flatMap(({ paths }) => paths)) {
      const identity = identityOf(path);
      if (known.has(path) || identity !== undefined && identities.has(identity)) {
        if (identity !== undefined) identities.add(identity);
        continue;
      }
      if (known.size === MOST_FILES) return warn(`More than ${MOST_FILES} files: "${basename(path)}" is not followed`);
      known.add(path);
      if (identity !== undefined) identities.add(identity);
      follow(path);
    }
  };
}

function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev} ${ino ?? path}`;
  } catch {
    return undefined;
  }
}

/** Looks again after changes. It yields no frames. */
async function* lookAgain(look: () => void, changes: Changes, signal: AbortSignal): AsyncGenerator<Frame> {
  let lookedAt = performance.now();
  while (!signal.aborted) {
    await changes.next();
    if (performance.now() - lookedAt < LOOK_EVERY_MS) continue;
    lookedAt = performance.now();
    look();
    yield* [];
  }
}
