/**
 * The embedded database: PostgreSQL in WebAssembly (PGlite) in a worker, spoken to by the same client and the same SQL as
 * a server, through a Unix socket in a directory that only its owner may enter.
 *
 * @module
 */
import { abortable } from "@std/async/abortable";
import { join } from "@std/path";
import { makeDirectory } from "../durable_files.ts";
import type { Database } from "./database.ts";
import { connectClient } from "./postgres.ts";

/** What the worker is told; `check` asks no more than whether it still answers. */
export type WorkerRequest = { type: "start"; directory: string; socket: string } | { type: "check" | "stop" };
/** What the worker answers, at the port that comes with the request. */
export type WorkerReply = { ok: true } | { ok: false; message: string };

/** The name that PostgreSQL clients give a socket in its directory. */
const SOCKET_NAME = ".s.PGSQL.5432";

/**
 * Starts the embedded database of a data directory, creating it the first time.
 *
 * Its server is one session behind all connections, which would mix up their statements: hence {@linkcode Database.turn}.
 *
 * @throws {Error} If another process has it, or it cannot be started.
 */
export async function openEmbedded(dataDir: string): Promise<Database> {
  await using opened = new AsyncDisposableStack();
  const directory = join(dataDir, "postgres");
  await makeDirectory(dataDir);
  opened.use(await lockDirectory(directory));
  // Not below the data directory: the path of a socket may be 107 bytes long at most.
  const sockets = await Deno.makeTempDir({ prefix: "barline-" });
  opened.defer(() => Deno.remove(sockets, { recursive: true }));
  const worker = new Worker(new URL("./embedded_worker.ts", import.meta.url), { type: "module" });
  opened.defer(() => worker.terminate());
  try {
    await ask(worker, { type: "start", directory, socket: join(sockets, SOCKET_NAME) });
  } catch (error) {
    throw new Error(
      `Cannot start the embedded database in "${directory}": ${(error as Error).message}. ` +
        "Give room and the right to write there, or choose another place with --data-dir",
      { cause: error },
    );
  }
  opened.defer(() => ask(worker, { type: "stop" }).catch(() => {}));
  let last: Promise<unknown> = Promise.resolve();
  const closing = opened.move();
  return {
    label: `embedded database in ${directory}`,
    maxConnections: 1,
    // The socket server hands COPY data to the server piece by piece, which ends the session.
    supportsCopy: false,
    connect: (signal) =>
      connectClient({ host: sockets, port: 5432, user: "postgres", database: "postgres", password: "" }, signal),
    check: (signal) => ask(worker, { type: "check" }, signal),
    turn(fn, signal) {
      const turn = last.then(() => {
        signal?.throwIfAborted();
        return fn();
      });
      last = turn.catch(() => {});
      return signal === undefined ? turn : abortable(turn, signal);
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Holds the directory for this process: two servers on one directory would destroy it. Ends with the process. */
async function lockDirectory(directory: string): Promise<Deno.FsFile> {
  const file = await Deno.open(`${directory}.lock`, { create: true, read: true, write: true, mode: 0o600 });
  if (!await file.tryLock(true)) {
    const holder = (await Deno.readTextFile(`${directory}.lock`)).trim();
    file.close();
    throw new Error(
      `Cannot use the embedded database in "${directory}": process ${holder} has it. ` +
        "Stop that process, or choose another place with --data-dir",
    );
  }
  await file.truncate(0);
  await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  return file;
}

/** Sends a request and waits for its reply. */
function ask(worker: Worker, request: WorkerRequest, signal?: AbortSignal): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise<void>((resolve, reject) => {
    port1.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      if (data.ok) resolve();
      else reject(new Error(data.message));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    worker.postMessage(request, [port2]);
  }).finally(() => port1.close());
}
