/**
 * Records from files of any format that Barline knows or that options describe, packed or not, or from standard input.
 *
 * @module
 */
import { always, usEquities } from "../calendar/mod.ts";
import { type FileItem, nameOf } from "../files/container/raw.ts";
import { openFile } from "../files/open_file.ts";
import { type Frame, frameSize } from "../records/frame.ts";
import {
  type Progress,
  type Provider,
  type ProviderContext,
  type ProviderDeclaration,
  type ProviderSettings,
  SettingError,
} from "./provider.ts";
import { openAhead } from "./replay/ahead.ts";
import { absolute, findFiles, itemsOf, sizeOf, sizeOfItem, STDIN } from "./replay/files.ts";
import { createFollowed } from "./replay/follow/followed.ts";
import type { FilePlace } from "./replay/framer.ts";
import { type FilePositions, openFilePositions } from "./replay/positions.ts";
import { readRows } from "./replay/read_rows.ts";
import { planContext, PROVIDER, rowsOf } from "./replay/rows.ts";
import { playAtSpeed } from "./replay/speed.ts";
import { findStart, readFrom } from "./replay/start.ts";

/** Files opened before their turn, while another is stored. */
const AHEAD = 4;

/** Declares the provider `replay`. */
export const replay: ProviderDeclaration = {
  create: createReplay,
  // Currency pairs are written with a slash in most files.
  calendar: (symbol) => symbol.includes("/") ? always : usEquities,
  delayMs: 0,
  account: "open",
  assets: "any",
  history: undefined,
};

/**
 * Makes the provider `replay`: one file after another, in constant memory.
 *
 * @throws {SettingError} If a file is missing or cannot be read, or none is given.
 */
export function createReplay(settings: ProviderSettings): Provider {
  const { resume, dataDir, speed } = settings;
  if (settings.file.length === 0) {
    throw new SettingError("file", "no file is given to replay, give one with --file PATH");
  }
  if (settings.kinds.length > 1) {
    throw new SettingError("kind", "there are several, expected the one that the files hold");
  }
  if (settings.follow) return createFollowed(settings);
  const { paths, unreadable } = findFiles(settings.file);
  if (resume && paths.includes(STDIN)) {
    throw new SettingError("resume", "standard input cannot be read again: leave out --resume, or give a file");
  }
  let positions: FilePositions<FilePlace> | undefined;
  const total = paths.reduce((sum, path) => sum + sizeOf(path), 0);
  const plans = planContext(settings);
  /** Bytes of finished files, and bytes read so far of each open one. */
  let finished = 0;
  const reading = new Map<FileItem, number>();
  let left = settings.limit ?? Infinity;
  const only = settings.onlySymbols && new Set(settings.onlySymbols);
  let isComplete = false;

  async function* readAll(context: ProviderContext): AsyncGenerator<Frame> {
    await context.beginLoad?.(paths);
    const errors: Error[] = [];
    // The other files are still read; an error is reported at once, and thrown at the end.
    const report = (error: Error) => {
      errors.push(error);
      if (paths.length + unreadable.length > 1) context.warn(error.message);
    };
    const note = (name: string, error: unknown) =>
      report(new Error(`Cannot read "${name}": ${(error as Error).message}`, { cause: error }));
    for (const { error } of unreadable) report(error);
    const opening = openAhead(itemsOfAll(paths, note), {
      open: (item) => openItem(item, context),
      count: AHEAD,
      isReady: ({ path }) => path !== STDIN && Deno.statSync(path).isFile,
    });
    for await (const [item, came] of opening) {
      try {
        if (!came.ok) throw came.error;
        for await (const frame of readItem(came.opened, context)) {
          left -= frameSize(frame);
          await context.pace(frame.columns.count);
          if (context.stop.aborted) return;
          // A line that waited for its turn arrives now; its records keep the order in which they were read.
          yield { ...frame, receivedAt: Math.max(frame.receivedAt, Date.now() * 1000) };
          if (left <= 0) return;
        }
      } catch (error) {
        note(nameOf(item), error);
      }
      // The unread rest of a file that failed, or that was read before, counts as finished.
      finished += sizeOfItem(item);
      reading.delete(item);
    }
    // A stop looks like the end of standard input.
    isComplete = !(context.stop.aborted && paths.includes(STDIN));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) {
      throw new AggregateError(errors, `Cannot read ${errors.length} of ${paths.length + unreadable.length} files`);
    }
  }

  /** Opens a file, or a member of one, and finds the place to begin. */
  async function openItem(item: FileItem, context: ProviderContext) {
    const name = nameOf(item);
    const key = `replay ${absolute(name)}`;
    const isSaved = item.path !== STDIN;
    if (isSaved) positions ??= openFilePositions({ directory: dataDir, target: context });
    const place = resume && isSaved ? await positions!.load(key) : undefined;
    const start = await findStart(item, place, plans, context.warn);
    const count = (bytes: number) => void reading.set(item, (reading.get(item) ?? 0) + bytes);
    const opened = await openFile(item, plans, {
      onRead: start === undefined ? count : undefined,
      stop: context.stop,
    });
    const rows = await rowsOf(opened, name, settings);
    const bytes = () => start === undefined ? opened.all() : readFrom(item, opened, start.offset, count);
    const track = () => isSaved ? positions!.open(key) : () => undefined;
    return { name, start, rows, bytes, track, close: opened.close };
  }

  async function* readItem(opened: Awaited<ReturnType<typeof openItem>>, context: ProviderContext) {
    const { name, start, rows, bytes, track } = opened;
    const { clock, warn } = context;
    const { refuseLimit } = settings;
    const shared = { ...rows, clock, only, start, refuseLimit, warn, left: () => left };
    yield* readRows({ source: name, ...shared, bytes: bytes(), track: track() });
  }

  return {
    name: PROVIDER,
    readsFiles: true,
    check: () => checkHeads(paths, settings),
    isComplete: () => isComplete,
    progress(): Progress | undefined {
      if (total === 0) return undefined;
      const done = reading.values().reduce((sum, bytes) => sum + bytes, finished);
      return { done: Math.min(done, total), total };
    },
    open(context) {
      const frames = readAll(context);
      return ReadableStream.from(
        speed === undefined || speed === "max" ? frames : playAtSpeed(frames, speed, context.stop),
      );
    },
    async close() {
      await positions?.save();
    },
  };
}

/** The parts of all files to read; `note` is called for those that cannot be opened. */
function* itemsOfAll(
  paths: readonly string[],
  note: (name: string, error: unknown) => void,
): Generator<FileItem> {
  for (const path of paths) {
    try {
      yield* itemsOf(path);
    } catch (error) {
      note(path, error);
    }
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
    // Standard input or a pipe cannot be read again.
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
