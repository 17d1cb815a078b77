/** `barline dlq replay`. @module */
import { on } from "../events.ts";
import { resolve } from "@std/path";
import { loadConfig } from "../config/load.ts";
import type { Settings } from "../config/options.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import { previewReplay, replayLetters, type ReplayOptions, type ReplayPreview } from "../app/dead_letter_replay.ts";
import { deadLetterDirectory } from "../dead_letters/files.ts";
import type { LetterFilter } from "../dead_letters/filter.ts";
import { createLatencyDistribution } from "../telemetry/latency.ts";
import { configureLog, printable } from "../telemetry/log.ts";
import { logEvents } from "../telemetry/log_events.ts";
import { DEFAULT_MAX_REPLAYS } from "../dead_letters/letter.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { endOf } from "./exit.ts";
import { dlqCommand } from "./hint.ts";
import { type Signals, stopOnSignals } from "./signals.ts";
import { summarize } from "./summary.ts";

/** Replays the matching letters, or previews that. */
export async function replay({ options, flags, configFile }: Invocation, matches: LetterFilter): Promise<number> {
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile, oneTenant: true });
  const { limit, json, logLevel, logFormat } = config.settings;
  const maxReplays = flags.has("force") ? Infinity : readMaxReplays(flags.get("max-replays"));
  const latency = createLatencyDistribution();
  let signals: Signals | undefined;
  const request: ReplayOptions = {
    config,
    matches,
    limit,
    maxReplays,
    listeners: [
      logEvents(),
      on({ "committed": ({ receivedAt, count }) => latency.add(Date.now() - receivedAt / 1000, count) }),
    ],
    onStart: (app) => signals = stopOnSignals(app, console.error),
  };
  if (flags.has("dry-run")) {
    const preview = await previewReplay(request);
    const counts = { ...preview, reasons: Object.fromEntries(preview.reasons) };
    console.log(json ? printable(JSON.stringify(counts)) : emit(preview, config.settings));
    return EXIT.done;
  }

  await configureLog({ level: logLevel, format: logFormat });
  const started = performance.now();
  const { outcome, removed, refused, overCap, reasons, isComplete } = await replayLetters(request);
  const received = signals?.received() ?? [];
  const end = endOf({
    outcome,
    signals: received,
    unread: isComplete ? "nothing" : "input",
    isStopped: received.length > 0,
    isStrict: config.settings.strict,
  });
  const seconds = (performance.now() - started) / 1000;
  if (!json) {
    console.log(`Removed ${removed} dead letters that are stored now; ${refused} were refused again and stay`);
    for (const [reason, count] of [...reasons].slice(0, 10)) console.log(`  ${count} × ${printable(reason)}`);
    if (overCap > 0) console.log(describeOverCap(overCap, "Skipped", config.settings));
  }
  console.log(
    summarize({
      outcome,
      end,
      seconds,
      latency,
      letters: {
        directory: deadLetterDirectory(resolve(tenantDirectory(config.settings))),
        commands: [dlqCommand("list", config.settings)],
      },
      json,
    }),
  );
  return end.code;
}

function emit({ records, unsound, overCap, reasons }: ReplayPreview, settings: Settings): string {
  const lines = [`Would replay ${records} records`];
  if (unsound > 0) lines.push(`${unsound} of them are still unsound and would be refused again:`);
  for (const [reason, count] of [...reasons].slice(0, 10)) lines.push(`  ${count} × ${printable(reason)}`);
  if (overCap > 0) lines.push(describeOverCap(overCap, "Would skip", settings));
  return lines.join("\n");
}

function describeOverCap(count: number, verb: string, settings: Settings): string {
  return `${verb} ${count} letters that were refused too often: mend them with ${
    dlqCommand("fix", settings)
  }, or give --force`;
}

/** @throws {UsageError} If it is not a count. */
function readMaxReplays(given: string | true | undefined): number {
  if (given === undefined) return DEFAULT_MAX_REPLAYS;
  if (typeof given === "string" && /^[1-9]\d{0,8}$/.test(given)) return Number(given);
  throw new UsageError(`Cannot use --max-replays: current value is "${given}", expected a whole number from 1`);
}
