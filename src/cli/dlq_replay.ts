/** `barline dlq replay`. @module */
import { openApp } from "../app.ts";
import { loadConfig } from "../config/load.ts";
import {
  deadLetterDirectory,
  holdForRemoval,
  type LocatedLetter,
  readLetters,
  removeLines,
  withLock,
} from "../dead_letters/directory.ts";
import type { DeadLetters } from "../dead_letters/write.ts";
import { createLetterProvider } from "../providers/dead_letters.ts";
import { recordKinds } from "../records/mod.ts";
import { createLatencyDistribution } from "../telemetry/latency.ts";
import { configureLog, logEvents, printable } from "../telemetry/log.ts";
import { EXIT, type Invocation } from "./command.ts";
import { stopOnSignals } from "./signals.ts";
import { exitCode, summarize } from "./summary.ts";

/**
 * Replays the letters that match through the whole pipeline, and removes exactly those whose records were all stored.
 *
 * Letters are removed at the end. When the process dies before, they are replayed once more another time, which changes
 * nothing: records keep their time of receipt and the sink is idempotent.
 */
export async function replayLetters(
  { options, flags, configFile }: Invocation,
  matches: (letter: LocatedLetter) => boolean,
): Promise<number> {
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
  const { dataDir, limit = Infinity, json, logLevel, logFormat } = config.settings;
  const directory = deadLetterDirectory(dataDir);

  async function* chosen(): AsyncGenerator<LocatedLetter> {
    let count = 0;
    for await (const located of readLetters(directory)) {
      if (count >= limit) return;
      if (!matches(located)) continue;
      count++;
      yield located;
    }
  }

  if (flags.has("dry-run")) {
    let count = 0;
    for await (const { letter } of chosen()) count += letter.items.length;
    console.log(`Would replay ${count} records`);
    return EXIT.done;
  }

  using _held = await holdForRemoval(directory);
  const settled = new Map<string, Set<number>>();
  const refused = new Set<string>();
  const reasons = new Map<string, number>();
  await configureLog({ level: logLevel, format: logFormat });
  const latency = createLatencyDistribution();
  await using running = new AsyncDisposableStack();
  const app = running.use(
    await openApp({
      // The limit counts letters here, not records.
      config: { ...config, settings: { ...config.settings, limit: undefined } },
      kinds: Object.keys(recordKinds),
      listeners: [logEvents()],
      providers: [createLetterProvider(chosen, config.settings, ({ path, line }) => {
        settled.set(path, (settled.get(path) ?? new Set()).add(line));
      })],
      // What is refused again stays where it is, so it need not be kept anew.
      deadLetters: (tell): DeadLetters => ({
        write(letters) {
          for (const { location, kind, cause, reason } of letters) {
            refused.add(location!);
            reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
            tell({ type: "dead-lettered", kind, cause, count: 1, reason });
          }
          return Promise.resolve();
        },
      }),
    }),
  );
  const signals = running.use(stopOnSignals(app, console.error));
  const started = performance.now();
  const outcome = await app.run();
  const seconds = (performance.now() - started) / 1000;

  let removed = 0;
  await withLock(directory, async () => {
    for (const [path, lines] of settled) {
      const stored = new Set([...lines].filter((line) => !refused.has(`${path}:${line}`)));
      removed += stored.size;
      if (stored.size > 0) await removeLines(path, stored);
    }
  });
  if (!json) {
    console.log(`Removed ${removed} dead letters that are stored now; ${refused.size} were refused again and stay`);
    for (const [reason, count] of [...reasons].slice(0, 10)) console.log(`  ${count} × ${printable(reason)}`);
  }
  console.log(summarize({ outcome, seconds, latency, deadLetterDirectory: directory, json }));
  return signals.aborted() ? EXIT.aborted : exitCode(outcome);
}
