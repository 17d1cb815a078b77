/**
 * Starts and watches the worker of the embedded database, and replaces it when it breaks.
 *
 * PostgreSQL ends if it cannot write its log, for instance on a full disk, and cannot restart inside the same process.
 * Then the worker is given up, and another opens the directory, which recovers as after a crash. Requests to the worker
 * have a time limit: a worker that hangs answers nothing, not even a farewell.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import type { Snapshot } from "./database.ts";
import { TransientError } from "./faults.ts";

/** Requests to the worker; `check` is answered when it is idle. */
export type WorkerRequest =
  | { type: "start"; directory: string; socket: string }
  | { type: "snapshot"; target: string; log: string }
  | { type: "changed"; target: string }
  | { type: "check" | "stop" | "forget" };
/** Answers of the worker, at the port that comes with the request. */
export type WorkerReply = { ok: true; snapshot?: Snapshot } | { ok: false; message: string };
/** The worker's message when its server has ended, with the reason. */
export interface WorkerBreakdown {
  readonly message: string;
}

/** Places of the server's files. */
export interface EmbeddedServerOptions {
  readonly directory: string;
  /** Path of its socket. */
  readonly socket: string;
}

/** The server in its worker. Disposing of it ends both, within seconds. */
export interface EmbeddedServer extends AsyncDisposable {
  /**
   * Resolves when a worker runs that is not known to be broken.
   *
   * @throws {TransientError} If the directory cannot be opened again, for instance while the disk is full.
   */
  ensure(): Promise<void>;
  /** Resolves when the worker answers. */
  check(signal?: AbortSignal): Promise<void>;
  /** Whether the database was written to since the snapshot in `target`. */
  hasChanged(target: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * Copies the files of the database to `target`, or brings the copy there up to date; `log` lists the changes that
   * readers have made to the copy. Meanwhile no connection may be in use, and no reader may have the copy open.
   */
  snapshot(target: string, log: string, signal?: AbortSignal): Promise<Snapshot>;
  /** Stops recording changes. Without the record the next snapshot copies everything. */
  forgetSnapshot(): Promise<void>;
  /** Gives up a worker that did not answer; the next {@linkcode EmbeddedServer.ensure} starts another. */
  giveUp(reason: Error): void;
}

/** State of the worker; `life` aborts when the worker is given up. */
type State =
  | { readonly name: "running"; readonly worker: Worker; readonly life: AbortController }
  | { readonly name: "broken"; readonly reason: Error }
  | { readonly name: "stopped" };

/** Longest start, in milliseconds: after a crash PostgreSQL replays its log. */
const START_MS = 120_000;
/** Longest wait for an answer of a worker that may be busy, in milliseconds. */
const CHECK_MS = 30_000;
/** Longest copy of the whole directory, in milliseconds. */
const SNAPSHOT_MS = 600_000;
/** Longest wait for a checkpoint at the end, in milliseconds; without one the next start takes longer. */
const STOP_MS = 5000;

/**
 * Starts the server.
 *
 * @throws {Error} If it cannot be started.
 */
export async function startEmbeddedServer({ directory, socket }: EmbeddedServerOptions): Promise<EmbeddedServer> {
  let state: State = { name: "stopped" };

  async function start(): Promise<void> {
    // The worker before may have left its socket.
    await Deno.remove(socket).catch(() => {});
    const worker = new Worker(new URL("./embedded_worker.ts", import.meta.url), { type: "module" });
    const life = new AbortController();
    const started: State = { name: "running", worker, life };
    const breakDown = (message: string) => setBroken(started, new TransientError(message));
    worker.onerror = (event) => {
      event.preventDefault();
      breakDown(event.message);
    };
    worker.onmessage = ({ data }: MessageEvent<WorkerBreakdown>) => breakDown(data.message);
    state = started;
    try {
      await ask(started, { type: "start", directory, socket }, AbortSignal.timeout(START_MS));
    } catch (error) {
      setBroken(started, error as Error);
      throw error;
    }
  }

  function setBroken(of: State, reason: Error): void {
    if (of !== state || of.name !== "running") return;
    state = { name: "broken", reason };
    of.life.abort(reason);
    of.worker.terminate();
  }

  await start();
  return {
    async ensure() {
      if (state.name !== "broken") return;
      try {
        await start();
      } catch (cause) {
        throw new TransientError(
          `Cannot open the embedded database in "${directory}" again: ${(cause as Error).message}. ` +
            "It is opened again by itself; make room, and give the right to write there",
          { cause },
        );
      }
    },
    async check(signal) {
      if (state.name === "broken") throw state.reason;
      if (state.name === "running") await ask(state, { type: "check" }, limit(CHECK_MS, signal));
    },
    async hasChanged(target, signal) {
      if (state.name !== "running") return true;
      return (await ask(state, { type: "changed", target }, limit(CHECK_MS, signal)))?.isNew !== false;
    },
    async snapshot(target, log, signal) {
      if (state.name !== "running") throw new TransientError("The embedded database is not running");
      return (await ask(state, { type: "snapshot", target, log }, limit(SNAPSHOT_MS, signal)))!;
    },
    async forgetSnapshot() {
      if (state.name === "running") await ask(state, { type: "forget" }, limit(CHECK_MS));
    },
    giveUp: (reason) => setBroken(state, reason),
    async [Symbol.asyncDispose]() {
      const last = state;
      if (last.name === "running") {
        await ask(last, { type: "stop" }, AbortSignal.timeout(STOP_MS)).catch(() => {});
        last.worker.terminate();
      }
      state = { name: "stopped" };
    },
  };
}

const limit = (ms: number, signal?: AbortSignal) =>
  AbortSignal.any([AbortSignal.timeout(ms), ...signal === undefined ? [] : [signal]]);

/** Sends a request and waits for its reply, while the worker lives and the signal allows. */
async function ask(
  { worker, life }: Extract<State, { name: "running" }>,
  request: WorkerRequest,
  signal: AbortSignal,
): Promise<Snapshot | undefined> {
  const either = AbortSignal.any([life.signal, signal]);
  const { port1, port2 } = new MessageChannel();
  const replied = Promise.withResolvers<Snapshot | undefined>();
  port1.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
    if (data.ok) replied.resolve(data.snapshot);
    else replied.reject(new Error(data.message));
  };
  // A timeout with a listener keeps the program running, so the listener is removed.
  using _listening = onAbort(either, replied.reject);
  try {
    worker.postMessage(request, [port2]);
    return await replied.promise;
  } finally {
    port1.close();
  }
}
