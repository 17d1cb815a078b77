/**
 * Coverage in files of the data directory, for edges that publish to a stream: one file for each provider and
 * timeframe.
 *
 * A file is a list of changes, one a line; a save appends to it and syncs. A last line cut off by a kill is ignored. A
 * file that has grown to several times its content is rewritten. A lock keeps two processes from writing at the same
 * time.
 *
 * @module
 */
import { join } from "@std/path";
import { makeDirectory, syncDirectory, writeAll } from "../storage/durable_files.ts";
import { type SeriesCoverage, UNKNOWN } from "./coverage.ts";
import { type CoverageJson, fromJson, toJson } from "./json.ts";
import { applyChange, type CoverageChange, type CoverageStore, type SeriesOwner } from "./store.ts";
import { doubtUnread, readStreamName } from "./stream_identity.ts";

/** Options of {@linkcode keepCoverageInFiles}. */
export interface FileCoverageOptions {
  /** The tenant's directory. */
  readonly dataDir: string;
  /**
   * Names the stream that the records go to; the name changes when the stream is created again. `undefined` while that
   * cannot be known. @default {one name for ever}
   */
  readonly stream?: () => Promise<string | undefined>;
  /** Called with a warning, for instance of a file that cannot be read. */
  readonly warn: (message: string) => void;
}

/** A line of a file. */
type Line = CoverageJson & { readonly symbol: string };

/** Bytes of changes before a file is checked for rewriting. */
const COMPACT_BYTES = 4 * 1024 * 1024;

/** Keeps the coverage of a tenant's series. */
export function keepCoverageInFiles(options: FileCoverageOptions): CoverageStore {
  const { dataDir, warn, stream = () => Promise.resolve(undefined) } = options;
  const directory = join(dataDir, "coverage");
  /** Size at which each file is rewritten. */
  const limits = new Map<string, number>();

  const pathOf = ({ provider, timeframe }: SeriesOwner) =>
    join(directory, `${encodeURIComponent(provider)} ${timeframe}.ndjson`);

  /** Runs `work` while no other process writes. */
  async function locked<T>(work: () => Promise<T>): Promise<T> {
    await makeDirectory(directory);
    using lock = await Deno.open(join(directory, "lock"), { create: true, write: true, mode: 0o600 });
    await lock.lock(true);
    return await work();
  }

  async function read(path: string): Promise<{ known: Map<string, SeriesCoverage>; isTorn: boolean }> {
    const known = new Map<string, SeriesCoverage>();
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    const lines = text.split("\n");
    const changes = lines.map(parse);
    const end = changes.findLastIndex((change) => change !== undefined) + 1;
    const broken = changes.slice(0, end).indexOf(undefined);
    if (broken >= 0) {
      await Deno.rename(path, `${path}.unreadable`);
      warn(
        `Cannot read line ${broken + 1} of "${path}": nothing is known of its series any more. ` +
          `The file is kept as "${path}.unreadable"`,
      );
      return { known, isTorn: false };
    }
    for (const change of changes.slice(0, end) as Line[]) {
      const { symbol } = change;
      known.set(symbol, applyChange(known.get(symbol) ?? UNKNOWN, { symbol, ...fromJson(change) }));
    }
    return { known, isTorn: lines.slice(end).some((line) => line !== "") || (end > 0 && end === lines.length) };
  }

  async function append(path: string, lines: string): Promise<number> {
    using file = await Deno.open(path, { create: true, append: true, mode: 0o600 });
    await writeAll(file, new TextEncoder().encode(lines));
    await file.syncData();
    return (await file.stat()).size;
  }

  /** Rewrites the file, with one line for each series. */
  async function compact(path: string, known: ReadonlyMap<string, SeriesCoverage>): Promise<void> {
    const lines = Array.from(known, ([symbol, coverage]) => toLine(symbol, coverage)).join("");
    const unfinished = `${path}.new`;
    {
      using file = await Deno.open(unfinished, { create: true, truncate: true, write: true, mode: 0o600 });
      await writeAll(file, new TextEncoder().encode(lines));
      await file.syncData();
    }
    await Deno.rename(unfinished, path);
    await syncDirectory(directory);
    limits.set(path, Math.max(COMPACT_BYTES, 4 * lines.length));
  }

  /** Rewrites a file whose last line another process left torn: the next line would be lost with it. */
  async function prepare(path: string): Promise<void> {
    limits.set(path, COMPACT_BYTES);
    const { known, isTorn } = await read(path);
    if (isTorn) return await compact(path, known);
    using _created = await Deno.open(path, { create: true, append: true, mode: 0o600 });
    await syncDirectory(directory);
  }

  /** Doubts the records that a stream lost when it was created again; returns whether it was. */
  async function noticeStream(owner: SeriesOwner): Promise<boolean> {
    const name = await stream().catch(() => undefined);
    const path = pathOf(owner);
    const before = await readStreamName(`${path}.stream`);
    if (name === undefined || name === before) return false;
    if (before !== undefined) {
      const changes = doubtUnread((await locked(() => read(path))).known, Date.now());
      await save(owner, changes);
      warn(`The stream was created again: the last day of ${changes.length} series of ${owner.provider} is in doubt`);
    }
    // The doubts are saved by now. After a kill before this line the next load doubts them again.
    await locked(() => Deno.writeTextFile(`${path}.stream`, name, { mode: 0o600 }));
    return before !== undefined;
  }

  async function save(owner: SeriesOwner, changes: readonly CoverageChange[]): Promise<void> {
    if (changes.length === 0) return;
    const path = pathOf(owner);
    const lines = changes.map((change) => toLine(change.symbol, change)).join("");
    await locked(async () => {
      if (!limits.has(path)) await prepare(path);
      const size = await append(path, lines);
      if (size > limits.get(path)!) await compact(path, (await read(path)).known);
    });
  }

  const load = (owner: SeriesOwner) => locked(async () => (await read(pathOf(owner))).known);

  return {
    async load(owner) {
      await noticeStream(owner);
      return await load(owner);
    },
    async news(owner) {
      if (!await noticeStream(owner)) return { changed: new Map() };
      return { changed: await load(owner), replaced: "a stream that was created again" };
    },
    save,
  };
}

const toLine = (symbol: string, coverage: SeriesCoverage) => `${JSON.stringify({ symbol, ...toJson(coverage) })}\n`;

function parse(line: string): Line | undefined {
  try {
    const parsed = JSON.parse(line);
    return typeof parsed.symbol === "string" ? parsed : undefined;
  } catch {
    return undefined;
  }
}
