/**
 * The worker that runs the embedded PostgreSQL, so that the event loop of the pipeline stays free.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { fsyncSync } from "node:fs";
import type { WorkerReply, WorkerRequest } from "./embedded.ts";

/** Lines of the server's log that are kept, to explain a start that failed. */
const LOG_LINES = 20;
const MAX_CONNECTIONS = 16;

/**
 * A directory whose files are really synced. PGlite starts PostgreSQL without fsync, and Emscripten's NODEFS has none:
 * both are mended, so that a committed row survives a power cut, not only the end of the process.
 */
class SyncedDirectory extends NodeFS {
  // deno-lint-ignore no-explicit-any
  override async init(pg: PGlite, options: any): Promise<any> {
    const result = await super.init(pg, options);
    // deno-lint-ignore no-explicit-any
    result.emscriptenOpts.preRun?.push((module: any) => {
      module.FS.filesystems.NODEFS.stream_ops.fsync = (stream: { nfd: number }) => {
        fsyncSync(stream.nfd);
        return 0;
      };
    });
    return result;
  }
}

let database: PGlite | undefined;
let server: PGLiteSocketServer | undefined;

function reply(message: WorkerReply): void {
  self.postMessage(message);
}

async function start(directory: string, socket: string): Promise<void> {
  const log: string[] = [];
  const keep = (line: string) => {
    log.push(line);
    if (log.length > LOG_LINES) log.shift();
    return false;
  };
  try {
    database = await PGlite.create({
      fs: new SyncedDirectory(directory),
      startParams: [
        ...PGlite.defaultStartParams.filter((parameter) => parameter !== "-F"),
        "-c",
        "wal_sync_method=fsync",
      ],
      onStderr: keep,
      onStdout: keep,
      // deno-lint-ignore no-explicit-any
    } as any);
  } catch (error) {
    throw new Error([(error as Error).message, ...log].join("\n"), { cause: error });
  }
  server = new PGLiteSocketServer({ db: database, path: socket, maxConnections: MAX_CONNECTIONS });
  await server.start();
}

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    if (data.type === "start") {
      await start(data.directory, data.socket);
      return reply({ type: "ready" });
    }
    await server?.stop();
    await database?.close();
    reply({ type: "stopped" });
    self.close();
  } catch (error) {
    reply({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};
