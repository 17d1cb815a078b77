/**
 * The worker that runs the embedded PostgreSQL, so that the event loop of the pipeline stays free.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { PGlite, type PGliteOptions } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { existsSync, fsyncSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { dirname, join } from "@std/path";
import { syncDirectory } from "../storage/durable_files.ts";
import { unpackCluster } from "./embedded_cluster.ts";
import type { WorkerBreakdown, WorkerReply, WorkerRequest } from "./embedded_server.ts";

/** Bits of a mode that are not its owner's. */
const OTHERS = 0o077;
/** Lines of the server's log that are kept, to explain a start that failed. */
const LOG_LINES = 20;
/** One works at a time; the others are there for a connection that ends while the next begins. */
const MAX_CONNECTIONS = 4;
/** Durable, and small: PostgreSQL's own default of 128 MB is for machines that do nothing else. */
const PARAMETERS = ["wal_sync_method=fsync", "shared_buffers=16MB", "wal_buffers=1MB"];

/**
 * A directory whose files are really synced, and for their owner alone. PGlite starts PostgreSQL without fsync, and
 * Emscripten's NODEFS has none: both are mended here, so that a committed row survives a power cut and not only the end of
 * the process. And NODEFS makes files for everybody, whatever the umask.
 */
class SyncedDirectory extends NodeFS {
  // deno-lint-ignore no-explicit-any
  override async init(pg: PGlite, options: any): Promise<any> {
    const result = await super.init(pg, options);
    // deno-lint-ignore no-explicit-any
    result.emscriptenOpts.preRun?.push((module: any) => {
      const files = module.FS.filesystems.NODEFS;
      files.stream_ops.fsync = (stream: { nfd: number }) => {
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
    });
    return result;
  }
}

let database: PGlite | undefined;
let server: PGLiteSocketServer | undefined;

/** Starts PGlite; an error tells the last lines of the server's log, where alone the reason may stand. */
async function open(options: PGliteOptions): Promise<PGlite> {
  const log: string[] = [];
  const keep = (line: string) => {
    log.push(line);
    if (log.length > LOG_LINES) log.shift();
    // The server ends with it, and answers nobody any more.
    if (line.includes("PANIC:")) self.postMessage({ message: line } satisfies WorkerBreakdown);
    return false;
  };
  try {
    return await PGlite.create({ ...options, onStderr: keep, onStdout: keep });
  } catch (error) {
    // What Emscripten's file system throws is no Error.
    const { errno } = error as { errno?: number };
    const message = error instanceof Error ? error.message : `file system error ${errno ?? error}`;
    throw new Error([message, ...log].join("\n"), { cause: error });
  }
}

/** Unpacks the prepared cluster beside its place and moves it there whole: half of one could never be opened. */
async function create(directory: string): Promise<void> {
  if (existsSync(directory) && [...Deno.readDirSync(directory)].length > 0) {
    throw new Error("the directory is not empty and holds no database");
  }
  const unfinished = `${directory}.new`;
  await Deno.remove(unfinished, { recursive: true }).catch(() => {});
  await unpackCluster(unfinished);
  await Deno.rename(unfinished, directory);
  await syncDirectory(dirname(directory));
}

async function start(directory: string, socket: string): Promise<void> {
  if (!existsSync(join(directory, "PG_VERSION"))) await create(directory);
  const parameters = PGlite.defaultStartParams.filter((parameter) => parameter !== "-F");
  database = await open({
    fs: new SyncedDirectory(directory),
    startParams: [...parameters, ...PARAMETERS.flatMap((parameter) => ["-c", parameter])],
  });
  server = new PGLiteSocketServer({ db: database, path: socket, maxConnections: MAX_CONNECTIONS });
  await server.start();
  outliveDisconnects((server as unknown as { server: Server }).server);
}

/**
 * Keeps a listener for errors on every socket. The socket server takes its own off when a client goes away, and an
 * answer that is still on its way then ends the worker with an uncaught EPIPE.
 */
function outliveDisconnects(listening: Server): void {
  listening.on("connection", (socket: Socket) => {
    const removeAll = socket.removeAllListeners.bind(socket);
    socket.on("error", () => {});
    socket.removeAllListeners = (event?: string) => {
      removeAll(event);
      return socket.on("error", () => {});
    };
  });
}

self.onmessage = async ({ data, ports: [port] }: MessageEvent<WorkerRequest>) => {
  const reply = (message: WorkerReply) => port.postMessage(message);
  try {
    if (data.type === "start") await start(data.directory, data.socket);
    if (data.type === "stop") {
      await server?.stop();
      await database?.close();
    }
    reply({ ok: true });
  } catch (error) {
    reply({ ok: false, message: error instanceof Error ? error.message : String(error) });
  }
};
