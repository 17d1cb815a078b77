/**
 * The PostgreSQL for readers: a worker on a snapshot of the embedded database. It starts with the first statement, is
 * renewed when its data is old, and is ended if a statement takes too long, since nothing else can end that statement.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { abortable } from "@std/async/abortable";
import { onAbort } from "../../abort.ts";
import type { SnapshotSource } from "../database.ts";
import type { Names } from "../names.ts";
import { becomeReader } from "./role.ts";

/** Requests to the worker. */
export type ReaderRequest =
  | { type: "start"; directory: string; log: string; parameters: string[]; setUp: string }
  | { type: "run"; messages: Uint8Array<ArrayBuffer> };
/** Answers of the worker, at the port that comes with the request. */
export type ReaderReply = { ok: true; answer: Uint8Array<ArrayBuffer> } | { ok: false; message: string };

/** Age at which data is renewed before a statement, in milliseconds. */
const MOST_AGE_MS = 5000;
/** A snapshot that copied more than this is renewed after so many times the pause of the writers. */
const LARGE_BYTES = 1024 ** 3;
const AGE_PER_PAUSE = 20;
/** How long an aborted statement may run on before the worker is ended, in milliseconds. */
const GRACE_MS = 250;
/** Small, since the system also caches the copy. */
const PARAMETERS = [
  ...["shared_buffers=16MB", "wal_buffers=1MB", "fsync=off", "synchronous_commit=off", "full_page_writes=off"],
  ...["default_transaction_read_only=on", "autovacuum=off", "max_parallel_workers_per_gather=0"],
];

/** Most bytes that a statement may put on the disk, for instance to sort. */
const TEMPORARY_BYTES = 1024 ** 3;
/** Largest part of the free room for that: the run beside it needs the rest. */
const TEMPORARY_PART = 0.5;

/** The worker on a snapshot. */
interface Live {
  readonly worker: Worker;
  readonly life: AbortController;
}

/** See the module's description. */
export interface Reader extends AsyncDisposable {
  /** Makes sure that a worker runs, and that its data is not old. No client may be using it. */
  refresh(signal: AbortSignal): Promise<void>;
  /** Changes with each new worker, which lacks the state of sessions. */
  generation(): number;
  /** Runs messages and returns the answer; when `signal` aborts, ends the worker unless it answers at once. */
  run(messages: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** Ends the worker, and frees the disk space of the snapshot. */
  rest(): Promise<void>;
}

/** Options of {@linkcode createReader}. */
export interface ReaderOptions {
  readonly source: SnapshotSource;
  readonly names: Names;
  /** Most bytes of temporary files of a statement. @default {1 GiB} */
  readonly temporaryBytes?: number;
  /** Called with each snapshot that copied something. */
  readonly onSnapshot?: (snapshot: { readonly bytes: number; readonly pausedMs: number }) => void;
}

/** Creates a reader; its worker starts later. */
export function createReader(
  { source, names, temporaryBytes = TEMPORARY_BYTES, onSnapshot }: ReaderOptions,
): Reader {
  let live: Live | undefined;
  let generation = 0;
  let takenAt = -Infinity;
  let mostAgeMs = MOST_AGE_MS;

  function end(reason: Error): void {
    live?.life.abort(reason);
    live?.worker.terminate();
    live = undefined;
  }

  async function start(at: Date): Promise<void> {
    const worker = new Worker(new URL("./reader_worker.ts", import.meta.url), { type: "module" });
    const life = new AbortController();
    const mine: Live = { worker, life };
    worker.onerror = (event) => {
      event.preventDefault();
      if (live === mine) end(new Error(event.message));
    };
    worker.onmessage = ({ data }: MessageEvent<string>) => live === mine && end(new Error(data));
    live = mine;
    generation++;
    const { bavail, bsize } = statfsSync(source.target);
    const temporary = Math.min(temporaryBytes, bavail * bsize * TEMPORARY_PART);
    const parameters = [
      ...PARAMETERS,
      `temp_file_limit=${Math.floor(temporary / 1024)}kB`,
      `search_path=${names.quotedSchema}`,
      `barline.snapshot_at=${at.toISOString()}`,
    ];
    try {
      const { target: directory, log } = source;
      await ask(mine, { type: "start", directory, log, parameters, setUp: becomeReader(names) });
    } catch (cause) {
      end(cause as Error);
      throw new Error(`Cannot read the embedded database: ${(cause as Error).message}`, { cause });
    }
  }

  return {
    generation: () => generation,
    async refresh(signal) {
      if (live !== undefined && performance.now() - takenAt < mostAgeMs) return;
      const at = new Date();
      const began = performance.now();
      const snapshot = await source.take(() => end(new Error("the data is renewed")), signal);
      takenAt = began;
      if (snapshot.isNew) {
        const isLarge = snapshot.bytes >= LARGE_BYTES;
        mostAgeMs = Math.max(MOST_AGE_MS, isLarge ? AGE_PER_PAUSE * snapshot.pausedMs : 0);
        onSnapshot?.(snapshot);
      }
      if (live === undefined) await start(at);
    },
    async run(messages, signal) {
      if (live === undefined) throw new Error("the reader was ended");
      const mine = live;
      const answer = ask(mine, { type: "run", messages });
      answer.catch(() => {});
      try {
        return await abortable(answer, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
        const isAnswered = await Promise.race([
          answer.then(() => true, () => true),
          new Promise<false>((resolve) => setTimeout(resolve, GRACE_MS, false)),
        ]);
        if (!isAnswered && live === mine) end(error as Error);
        throw error;
      }
    },
    async rest() {
      end(new Error("no client reads"));
      takenAt = -Infinity;
      await source.forget();
    },
    async [Symbol.asyncDispose]() {
      end(new Error("the run ends"));
      await source.forget();
    },
  };
}

/** Sends a request and waits for its reply, for as long as the worker lives. */
async function ask({ worker, life }: Live, request: ReaderRequest): Promise<Uint8Array<ArrayBuffer>> {
  const { port1, port2 } = new MessageChannel();
  const replied = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  port1.onmessage = ({ data }: MessageEvent<ReaderReply>) => {
    if (data.ok) replied.resolve(data.answer);
    else replied.reject(new Error(data.message));
  };
  using _listening = onAbort(life.signal, replied.reject);
  try {
    worker.postMessage(request, [port2]);
    return await replied.promise;
  } finally {
    port1.close();
  }
}
