/**
 * The whole pipeline within the process of a test, into a database of its own.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type App, openApp, type Outcome } from "../../src/app/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { DeadLetter } from "../../src/dead_letters/letter.ts";
import type { PipelineEvent } from "../../src/events.ts";
import { imbalance } from "../../src/pipeline/ledger.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { eventLog, memoryLetters } from "./letters.ts";
import { makeDirectory } from "./providers.ts";

type Name = PipelineEvent["type"];
type Told<Type extends Name> = Extract<PipelineEvent, { type: Type }>;

/** A pipeline that runs. */
export interface RunningPipeline extends AsyncDisposable {
  readonly app: App;
  /** How it ended, with a ledger that has been seen to balance. */
  readonly outcome: Promise<Outcome>;
  /** What was dead-lettered so far. */
  readonly letters: readonly DeadLetter[];
  readonly events: ReturnType<typeof eventLog>;
  /** Resolves with the next event of that type for which `is` is true; rejects with why the run ended, where it ends first. */
  next<Type extends Name>(type: Type, is?: (event: Told<Type>) => boolean): Promise<Told<Type>>;
  /** Resolves when that many more batches have been written. */
  batches(count: number): Promise<void>;
}

/** Opens and runs a pipeline. `settings` are options of the command line; waits are short unless given. */
export async function startPipeline(
  url: string,
  providers: readonly Provider[],
  settings: Record<string, string> = {},
): Promise<RunningPipeline> {
  // Files of tests run at once, in one directory.
  const directory = settings.dataDir === undefined ? await makeDirectory() : undefined;
  const dataDir = settings.dataDir ?? directory!.path;
  const flags = { database: url, batchSize: "100", circuitOpenMs: "20", retryAttempts: "2", ...settings, dataDir };
  const config = loadConfig({
    flags: new Map<string, unknown>(Object.entries(flags)),
    env: () => undefined,
    dotenv: "/nonexistent/.env",
  });
  const events = eventLog();
  const waiting = new Set<(event: PipelineEvent) => void>();
  let letters = memoryLetters();
  const app = await openApp({
    config,
    tenants: [{
      config,
      providers,
      kinds: ["bar"],
      deadLetters: (emit) => letters = memoryLetters(emit),
      listeners: [events.emit, (event) => {
        for (const hear of waiting) hear(event);
      }],
    }],
  });
  const running = app.run();
  const ended = running.then(({ failure }) => {
    throw new Error(`The run ended before the event came: ${failure ?? "all was written"}`, { cause: failure });
  });
  const next: RunningPipeline["next"] = <Type extends Name>(type: Type, is = (_: Told<Type>) => true) => {
    const heard = new Promise<Told<Type>>((resolve) => {
      const hear = (event: PipelineEvent) => {
        if (event.type !== type || !is(event as Told<Type>)) return;
        waiting.delete(hear);
        resolve(event as Told<Type>);
      };
      waiting.add(hear);
    });
    const first = Promise.race([heard, ended]);
    first.catch(() => {});
    return first;
  };
  const outcome = running.then((ended) => {
    assertEquals(imbalance(ended.ledger), 0, "the ledger does not balance");
    assertEquals(ended.ledger.inFlight, 0, "something is left in flight");
    return ended;
  });
  // Told where it is awaited; a test that fails before that must not fail twice.
  outcome.catch(() => {});
  ended.catch(() => {});
  return {
    app,
    outcome,
    letters: letters.kept,
    events,
    next,
    async batches(count) {
      let written = 0;
      await next("batch-written", () => ++written >= count);
    },
    async [Symbol.asyncDispose]() {
      // Where the test has failed the sources may never end.
      app.abort(new Error("the test is over"));
      await running.catch(() => {});
      await app[Symbol.asyncDispose]();
      await directory?.[Symbol.asyncDispose]();
    },
  };
}
