/**
 * The process under test, through its restarts.
 *
 * @module
 */
import type { Running } from "../support/process.ts";
import type { Workspace } from "../support/workspace.ts";
import { sleep, type Venue } from "./venue.ts";

/** See the module's description. */
export interface Client extends AsyncDisposable {
  /** Ends the process, and starts another one after a while. */
  restart(signal: "SIGTERM" | "SIGKILL", downMs: number): Promise<void>;
  /** Waits until the process has opened its database and listens for signals, if it is not down. */
  ready(): Promise<unknown>;
  /** Rejects if a process ends by itself. */
  readonly died: Promise<never>;
  /** Stops it for good, and tells what was wrong with its end. */
  stop(): Promise<string[]>;
  /** What the processes logged. */
  log(): string;
}

/** What is to be run. */
export interface ClientOptions {
  venue: Venue;
  workspace: Workspace;
  flags: readonly string[];
  /** Told before the process is killed. */
  doom: () => void;
}

/** Starts the process. */
export function startClient({ venue, workspace, flags, doom }: ClientOptions): Client {
  const died = Promise.withResolvers<never>();
  died.promise.catch(() => {});
  const logs: string[] = [];
  let isEnding = false;
  let running = start();

  function start(): Running {
    isEnding = false;
    venue.starting?.();
    const database = `${workspace.database}?connect_timeout=3600`;
    const args = ["--provider", venue.provider, "--symbols", venue.symbols.join(","), "--database", database];
    // The database does not share the clock, so its answers seem late.
    const backoff = ["--write-timeout-ms", "3600000", "--drain-timeout", "3600"];
    const started = workspace.startIngest([...args, ...backoff, ...flags], {
      env: { ...venue.variables, ...clockVariables() },
      endless: true,
    });
    started.ended.then(({ code, stderr }) => {
      // Without the line that tells how many records there are, each time it does.
      logs.push(stderr.split("\n").filter((line) => !line.includes(" records · ")).join("\n"));
      if (isEnding) return;
      isEnding = true;
      died.reject(new Error(`${venue.provider} ended with code ${code}: ${logs.at(-1)!.slice(-4000)}`));
    });
    return started;
  }

  // Before it listens for signals, any ends it at once.
  const ready = () => running.line(/opened/);

  async function end(signal: Deno.Signal) {
    isEnding = true;
    await ready();
    doom();
    running.kill(signal);
    return await running.ended;
  }

  return {
    ready,
    died: died.promise,
    async restart(signal, downMs) {
      // It is down already.
      if (isEnding) return;
      const { code, stderr } = await end(signal);
      const wanted = signal === "SIGTERM" ? 0 : 137;
      if (code !== wanted) throw new Error(`${signal} ended it with code ${code}: ${stderr.slice(-4000)}`);
      await sleep(downMs);
      running = start();
    },
    async stop() {
      const { code, json } = await end("SIGTERM");
      const { received, stored, unchanged, deduplicated, deadLettered, journaled, inFlight } = json;
      const sum = stored + unchanged + deduplicated + deadLettered + journaled + inFlight;
      return [
        ...code === 0 ? [] : [`the process ended with code ${code}`],
        ...received === sum && inFlight === 0 ? [] : [`the summary does not balance: ${JSON.stringify(json)}`],
      ];
    },
    log: () => logs.join("\n"),
    // A fake that is to end waits for its clients.
    async [Symbol.asyncDispose]() {
      isEnding = true;
      try {
        running.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await running.ended;
    },
  };
}

/** What makes a process share this one's clock. */
function clockVariables(): Record<string, string> {
  const isClock = ([name]: [string, string]) => name === "TZ" || name === "LD_PRELOAD" || /FAKE/.test(name);
  return Object.fromEntries(Object.entries(Deno.env.toObject()).filter(isClock));
}
