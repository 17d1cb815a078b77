/**
 * The embedded database: PostgreSQL in WebAssembly (PGlite) in a worker, spoken to by the same client and the same SQL as
 * a server, through a Unix socket in a directory that only its owner may enter.
 *
 * @module
 */
import { join } from "@std/path";
import type { Database } from "./database.ts";
import { connectClient } from "./postgres.ts";

/** What the worker is told. */
export type WorkerRequest = { type: "start"; directory: string; socket: string } | { type: "stop" };
/** What the worker answers. */
export type WorkerReply = { type: "ready" } | { type: "stopped" } | { type: "failed"; message: string };

/** The name that PostgreSQL clients give a socket in its directory. */
const SOCKET_NAME = ".s.PGSQL.5432";

/**
 * Starts the embedded database of a data directory, creating it the first time.
 *
 * @throws {Error} If another process has it, or it cannot be started.
 */
export async function openEmbedded(dataDir: string): Promise<Database> {
  await using opened = new AsyncDisposableStack();
  const directory = join(dataDir, "postgres");
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  opened.use(await lockDirectory(directory));
  // Not below the data directory: the path of a socket may be 107 bytes long at most.
  const sockets = await Deno.makeTempDir({ prefix: "barline-" });
  opened.defer(() => Deno.remove(sockets, { recursive: true }));
  const worker = new Worker(new URL("./embedded_worker.ts", import.meta.url), { type: "module" });
  opened.defer(() => worker.terminate());
  try {
    await ask(worker, { type: "start", directory, socket: join(sockets, SOCKET_NAME) }, "ready");
  } catch (error) {
    throw new Error(
      `Cannot start the embedded database in "${directory}": ${(error as Error).message}. ` +
        "Give room and the right to write there, or choose another place with --data-dir",
      { cause: error },
    );
  }
  opened.defer(() => ask(worker, { type: "stop" }, "stopped").catch(() => {}));
  const closing = opened.move();
  return {
    label: `embedded database in ${directory}`,
    // The server is one process: more connections than one only wait for each other.
    maxConnections: 1,
    supportsCopy: false,
    connect: () => connectClient({ host: sockets, port: 5432, user: "postgres", database: "postgres", password: "" }),
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
function ask(worker: Worker, request: WorkerRequest, expected: WorkerReply["type"]): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      if (data.type === expected) resolve();
      else reject(new Error(data.type === "failed" ? data.message : `unexpected reply "${data.type}"`));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(request);
  });
}
