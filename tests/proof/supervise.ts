/**
 * A process that is started again whenever it ends, as a service manager would.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Ended, Running } from "../support/process.ts";

/** See the module's description. */
export interface Service extends AsyncDisposable {
  readonly name: string;
  /** How often it has been started. */
  readonly starts: number;
  /** Kills the process of now; it is started again. Tells whether there was one. */
  kill(): boolean;
  /** Stops it by SIGTERM for good, and gives how it ended. */
  stop(): Promise<Ended>;
  /** Resolves when it has ended by itself with exit code 0, and is not started again. */
  readonly done: Promise<Ended>;
}

/** Between an end and the next start, in milliseconds. */
const RESTART_MS = 200;

/** Starts a service. */
export function supervise(name: string, start: () => Running): Service {
  let running: Running | undefined;
  let starts = 0;
  let isStopping = false;

  async function run(): Promise<Ended> {
    while (true) {
      starts++;
      running = start();
      const ended = await running.ended;
      running = undefined;
      if (ended.code === 0 || isStopping) return ended;
      await delay(RESTART_MS);
      // Stopped between two starts: the signal reached no process, and would never reach the next one.
      if (isStopping) return ended;
    }
  }

  function signal(signal: Deno.Signal): boolean {
    try {
      running?.kill(signal);
      return running !== undefined;
    } catch {
      // It has ended just now.
      return false;
    }
  }

  const done = run();
  return {
    name,
    done,
    get starts() {
      return starts;
    },
    kill: () => signal("SIGKILL"),
    async stop() {
      isStopping = true;
      signal("SIGTERM");
      return await done;
    },
    async [Symbol.asyncDispose]() {
      isStopping = true;
      signal("SIGKILL");
      await done.catch(() => {});
    },
  };
}
