/**
 * The embedded database: PostgreSQL in WebAssembly (PGlite) in a worker, spoken to by the same client and the same SQL as
 * a server, through a Unix socket in a directory that only its owner may enter.
 *
 * @module
 */
import type { ClientConfig } from "pg";
import { abortable } from "@std/async/abortable";
import { join } from "@std/path";
import { makeDirectory } from "../storage/durable_files.ts";
import { cutClient, type Database, type SnapshotSource } from "./database.ts";
import { TransientError } from "./faults.ts";
import { type EmbeddedServer, startEmbeddedServer } from "./embedded_server.ts";
import { DEFAULT_SCHEMA } from "./names.ts";
import { createNaming } from "./naming.ts";
import { connectClient } from "./postgres.ts";

/** The name of a socket in its directory, as PostgreSQL clients expect it. */
const SOCKET_NAME = ".s.PGSQL.5432";

/**
 * Starts the embedded database of a data directory, creating it the first time. Its tables are in `schema`.
 *
 * Its server has a single session behind all connections, so their statements would interleave; {@linkcode
 * Database.turn} prevents that.
 *
 * @throws {Error} If another process has it, or it cannot be started.
 */
export async function openEmbedded(dataDir: string, schema = DEFAULT_SCHEMA): Promise<Database> {
  await using opened = new AsyncDisposableStack();
  const directory = join(dataDir, "postgres");
  await makeDirectory(dataDir);
  opened.use(await lockDirectory(directory));
  // Outside the data directory, as the path of a socket may have at most 107 bytes.
  const sockets = await Deno.makeTempDir({ prefix: "barline-" });
  opened.defer(() => Deno.remove(sockets, { recursive: true }));
  const server = opened.use(await startServer(directory, join(sockets, SOCKET_NAME)));
  let last: Promise<unknown> = Promise.resolve();
  function turn<T>(fn: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = last.then(() => {
      signal?.throwIfAborted();
      return fn();
    });
    last = turn.catch(() => {});
    return signal === undefined ? turn : abortable(turn, signal);
  }
  const snapshots = await prepareSnapshots(directory, sockets, server, turn);
  opened.defer(() => snapshots.forget());
  const closing = opened.move();
  return {
    label: `embedded database in ${directory}`,
    maxConnections: 1,
    names: createNaming(schema),
    // The socket server passes COPY data on piece by piece, which ends the session.
    supportsCopy: false,
    async connect(signal) {
      await server.ensure();
      try {
        return await connectClient({ ...CLIENT, host: sockets }, signal);
      } catch (error) {
        // The worker may be busy for a caller that has left. If it does not even greet in this time, it is dead.
        if (!signal?.aborted) server.giveUp(error as Error);
        throw error;
      }
    },
    check: (signal) => server.check(signal),
    // Nothing stops a statement in the worker but its end; the next connection starts another.
    cancel(client) {
      server.giveUp(new TransientError("The statement was cancelled"));
      cutClient(client);
      return Promise.resolve();
    },
    snapshots,
    turn,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Another process has the embedded database open. */
export class HeldError extends Error {
  override name = "HeldError";

  constructor(directory: string, readonly holder: string) {
    super(
      `Cannot use the embedded database in "${directory}": process ${holder} has it. ` +
        "Stop that process, or choose another place with --data-dir",
    );
  }
}

/** The database's user, and the longest waits for a connection and for a statement, in milliseconds. */
const CLIENT: ClientConfig = {
  port: 5432,
  user: "postgres",
  database: "postgres",
  password: "",
  connectionTimeoutMillis: 30_000,
  query_timeout: 120_000,
};

/** Prepares snapshots in a directory beside the database, where the file system may share their blocks. */
async function prepareSnapshots(
  directory: string,
  sockets: string,
  server: EmbeddedServer,
  turn: <T>(fn: () => Promise<T>, signal?: AbortSignal) => Promise<T>,
): Promise<SnapshotSource> {
  const target = `${directory}.readers`;
  const log = `${target}.log`;
  const door = join(sockets, "readers");
  const remove = async () => {
    for (const path of [target, log]) {
      await Deno.remove(path, { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  };
  // Removes a snapshot left by a crash.
  await remove();
  await Deno.mkdir(door, { mode: 0o700 });
  return {
    target,
    log,
    door,
    take: (close, signal) =>
      turn(async () => {
        await server.ensure();
        if (!await server.hasChanged(target, signal)) return { isNew: false, bytes: 0, pausedMs: 0 };
        close();
        return await server.snapshot(target, log, signal);
      }, signal),
    forget: () =>
      turn(async () => {
        await server.forgetSnapshot().catch(() => {});
        await remove();
      }),
  };
}

/** Starts the server, and explains a failure. */
async function startServer(directory: string, socket: string): Promise<EmbeddedServer> {
  try {
    return await startEmbeddedServer({ directory, socket });
  } catch (error) {
    throw new Error(
      `Cannot start the embedded database in "${directory}": ${(error as Error).message}. ` +
        "Give room and the right to write there, or choose another place with --data-dir",
      { cause: error },
    );
  }
}

/** Locks the directory until this process ends: two servers on one directory would destroy it. */
async function lockDirectory(directory: string): Promise<Deno.FsFile> {
  const file = await Deno.open(`${directory}.lock`, { create: true, read: true, write: true, mode: 0o600 });
  if (!await file.tryLock(true)) {
    const holder = (await Deno.readTextFile(`${directory}.lock`)).trim();
    file.close();
    throw new HeldError(directory, holder);
  }
  await file.truncate(0);
  await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  return file;
}
