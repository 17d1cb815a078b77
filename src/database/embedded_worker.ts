/**
 * The worker that runs the embedded PostgreSQL, so that the event loop of the pipeline stays free.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import type { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { existsSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { dirname, join } from "@std/path";
import { syncDirectory } from "../storage/durable_files.ts";
import { type ChangeListener, type Changes, collectChanges, readChanges } from "./embedded_changes.ts";
import { unpackCluster } from "./embedded_cluster.ts";
import { startParameters, startPglite, SyncedDirectory } from "./embedded_files.ts";
import type { Snapshot } from "./database.ts";
import type { WorkerBreakdown, WorkerReply, WorkerRequest } from "./embedded_server.ts";
import { copyDirectory } from "./embedded_snapshot.ts";

/** One connection works at a time; the others serve one that ends while the next begins. */
const MAX_CONNECTIONS = 4;
/** Durable and small: PostgreSQL's own default of 128 MB is for dedicated servers. */
const PARAMETERS = ["wal_sync_method=fsync", "shared_buffers=16MB", "wal_buffers=1MB"];

/** Most bytes of the write-ahead log that a start on a snapshot may have to recover. */
const MOST_RECOVERED = 32 * 1024 * 1024;

let database: PGlite | undefined;
let server: PGLiteSocketServer | undefined;
/** Directory of the files. */
let root = "";
/** Changes since the snapshot in `of`; absent without a snapshot. */
let written: { readonly of: string; readonly changes: Changes; readonly listener: ChangeListener } | undefined;

/** Unpacks the prepared cluster beside its place, then moves it there whole: half a cluster could never be opened. */
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
  root = directory;
  database = await startPglite({
    fs: new SyncedDirectory(directory, () => written?.listener),
    startParams: startParameters(PARAMETERS),
  }, (message) => self.postMessage({ message } satisfies WorkerBreakdown));
  server = new PGLiteSocketServer({ db: database, path: socket, maxConnections: MAX_CONNECTIONS });
  await server.start();
  outliveDisconnects((server as unknown as { server: Server }).server);
}

/**
 * Keeps an error listener on every socket. The socket server removes its own when a client leaves, and an answer still
 * on its way would then end the worker with an uncaught EPIPE.
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

/**
 * Copies the files to `target`. A copy there is brought up to date if all differences are known: the changes recorded
 * here, and the readers' own in `log`.
 */
async function takeSnapshot(target: string, log: string): Promise<Snapshot> {
  const started = performance.now();
  const changes = written?.of === target ? written.changes : undefined;
  const { rows: [{ unsaved, newest }] } = await database!.query<{ unsaved: number; newest: string }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::float8 AS unsaved,
  pg_walfile_name(pg_current_wal_insert_lsn()) AS newest FROM pg_control_checkpoint()`,
  );
  // A start on the copy recovers everything since the last checkpoint: for so little that is faster than the syncs of a
  // further one.
  if (unsaved > MOST_RECOVERED) await database!.exec("CHECKPOINT");
  if (changes !== undefined && existsSync(log)) readChanges(Deno.readTextFileSync(log), changes);
  written = undefined;
  const bytes = copyDirectory({ from: root, to: target, changes, newestSegment: newest });
  Deno.writeFileSync(log, new Uint8Array(), { mode: 0o600 });
  const fresh: Changes = new Map();
  written = { of: target, changes: fresh, listener: collectChanges(fresh) };
  return { isNew: true, bytes, pausedMs: performance.now() - started };
}

self.onmessage = async ({ data, ports: [port] }: MessageEvent<WorkerRequest>) => {
  const reply = (message: WorkerReply) => port.postMessage(message);
  try {
    if (data.type === "start") await start(data.directory, data.socket);
    if (data.type === "stop") {
      await server?.stop();
      await database?.close();
    }
    if (data.type === "forget") written = undefined;
    if (data.type === "changed") {
      const isNew = written?.of !== data.target || written.changes.size > 0;
      return reply({ ok: true, snapshot: { isNew, bytes: 0, pausedMs: 0 } });
    }
    if (data.type === "snapshot") {
      return reply({ ok: true, snapshot: await takeSnapshot(data.target, data.log) });
    }
    reply({ ok: true });
  } catch (error) {
    reply({ ok: false, message: error instanceof Error ? error.message : String(error) });
  }
};
