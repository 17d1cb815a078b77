/**
 * The files of an embedded PostgreSQL, and its start on them.
 *
 * @module
 */
import { PGlite, type PGliteOptions } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { fsyncSync } from "node:fs";
import { relative } from "@std/path";
import type { ChangeListener } from "./embedded_changes.ts";

/** Bits of a mode that give rights to others than the owner. */
const OTHERS = 0o077;
/** Lines of the server's log kept to explain a failed start. */
const LOG_LINES = 20;

interface Node {
  readonly name: string;
  readonly parent: Node;
}
interface Stream {
  readonly nfd: number;
  readonly node: Node;
}

/**
 * A directory whose files are really synced, and accessible to their owner alone. PGlite starts PostgreSQL without
 * fsync, Emscripten's NODEFS does not implement it, and creates files with rights for all users, regardless of the
 * umask. This class corrects all three, so that a committed row survives a power cut, not only the end of the process.
 */
export class SyncedDirectory extends NodeFS {
  readonly #root: string;
  readonly #listener: () => ChangeListener | undefined;

  /** `listener` returns the current listener for writes, if there is one. */
  constructor(root: string, listener: () => ChangeListener | undefined = () => undefined) {
    super(root);
    this.#root = root;
    this.#listener = listener;
  }

  // deno-lint-ignore no-explicit-any
  override async init(pg: PGlite, options: any): Promise<any> {
    const result = await super.init(pg, options);
    // deno-lint-ignore no-explicit-any
    result.emscriptenOpts.preRun?.push((module: any) => {
      const files = module.FS.filesystems.NODEFS;
      files.stream_ops.fsync = (stream: Stream) => {
        fsyncSync(stream.nfd);
        return 0;
      };
      const { mknod } = files.node_ops;
      files.node_ops.mknod = (parent: unknown, name: string, mode: number, device: number) =>
        mknod(parent, name, mode & ~OTHERS, device);
      const { setattr } = files;
      files.setattr = (file: unknown, node: unknown, attributes: { mode?: number }, ...functions: unknown[]) => {
        const { mode } = attributes;
        setattr(file, node, mode == null ? attributes : { ...attributes, mode: mode & ~OTHERS }, ...functions);
      };
      this.#hear(files);
    });
    return result;
  }

  /** Calls the listener before each write. */
  // deno-lint-ignore no-explicit-any
  #hear(files: any): void {
    const pathOf = (node: Node) => relative(this.#root, files.realPath(node));
    const { write, open } = files.stream_ops;
    const { mknod, rename } = files.node_ops;
    const { setattr } = files;
    files.stream_ops.write = (stream: Stream, buffer: unknown, offset: number, length: number, position: number) => {
      this.#listener()?.write(pathOf(stream.node), position, position + length);
      return write(stream, buffer, offset, length, position);
    };
    files.stream_ops.open = (stream: Stream & { flags: number }) => {
      if ((stream.flags & TRUNCATES) !== 0) this.#listener()?.replace(pathOf(stream.node));
      return open(stream);
    };
    files.node_ops.mknod = (parent: Node, name: string, mode: number, device: number) => {
      const node = mknod(parent, name, mode, device);
      this.#listener()?.replace(pathOf(node));
      return node;
    };
    files.node_ops.rename = (node: Node, directory: Node, name: string) => {
      rename(node, directory, name);
      this.#listener()?.replace(`${pathOf(directory)}/${name}`.replace(/^\//, ""));
    };
    files.setattr = (file: unknown, node: Node, attributes: { size?: number }, ...functions: unknown[]) => {
      if (attributes.size !== undefined) this.#listener()?.replace(pathOf(node));
      return setattr(file, node, attributes, ...functions);
    };
  }
}

/** Emscripten's `O_TRUNC`. */
const TRUNCATES = 512;

/**
 * Starts PGlite. `onPanic` is called with the reason if the server ends by itself and answers no more.
 *
 * @throws {Error} If it cannot be started. The message has the last lines of the server's log, often the only place of
 * the reason.
 */
export async function startPglite(options: PGliteOptions, onPanic: (line: string) => void): Promise<PGlite> {
  const log: string[] = [];
  const keep = (line: string) => {
    log.push(line);
    if (log.length > LOG_LINES) log.shift();
    if (line.includes("PANIC:")) onPanic(line);
    return false;
  };
  try {
    return await PGlite.create({ ...options, onStderr: keep, onStdout: keep });
  } catch (error) {
    // Emscripten's file system throws objects that are not an Error.
    const { errno } = error as { errno?: number };
    const message = error instanceof Error ? error.message : `file system error ${errno ?? error}`;
    throw new Error(findReason(log) ?? [message, ...log].join("; "), { cause: error });
  }
}

/** The reason why the server has ended, by its log: the last message of the level FATAL or PANIC. */
function findReason(log: readonly string[]): string | undefined {
  return log.findLast((line) => /\b(FATAL|PANIC): /.test(line))?.replace(/^.*\b(FATAL|PANIC):\s+/s, "");
}

/**
 * Parameters of the server's command line, from `name=value` texts, without PGlite's own switch that turns fsync off.
 */
export function startParameters(values: readonly string[]): string[] {
  const parameters = PGlite.defaultStartParams.filter((parameter) => parameter !== "-F");
  return [...parameters, ...values.flatMap((value) => ["-c", value])];
}
