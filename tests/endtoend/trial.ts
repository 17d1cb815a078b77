/**
 * A trial: some days side by side, in a world of their own where an hour takes a minute.
 *
 * Debian's libfaketime makes the clock of all its processes: of the fakes and of the processes under test, which know
 * nothing of it. The database keeps the clock of the machine.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { TextLineStream } from "@std/streams/text-line-stream";
import { startPostgres } from "../support/postgres.ts";
import type { Report } from "./day.ts";

/** What to try. */
export interface TrialOptions {
  /** Names of days. */
  days: readonly string[];
  seed: number;
  /** Length of each day, between the market's opening and its close. */
  minutes: number;
}

/** When the world begins: a Tuesday morning in New York, where all markets are open. */
const MORNING = "2025-06-03 13:50:00";

/** Why there can be no trial, or `undefined` where there can. */
export function missingClock(): string | undefined {
  try {
    Deno.statSync("/usr/bin/faketime");
  } catch {
    return "faketime is not there, install Debian's package of that name";
  }
}

/** How many times faster than the machine's the clock runs. */
const SPEED = 60;

/** Runs a trial, and gives the reports as they come. */
export async function* runTrial({ days, seed, minutes }: TrialOptions): AsyncGenerator<Report> {
  const world = fromFileUrl(new URL("world.ts", import.meta.url));
  for await (const line of runFast([world, `--seed=${seed}`, `--minutes=${minutes}`, ...days])) yield JSON.parse(line);
}

/** Runs a script in a world whose clock runs fast, beside a server, and gives its lines. */
export async function* runFast(script: readonly string[]): AsyncGenerator<string> {
  // What counts is the time of the processes, not the disk's.
  await using server = await startPostgres(["synchronous_commit = off", "max_connections = 200"]);
  const child = new Deno.Command("/usr/bin/faketime", {
    args: ["-m", "-f", `@${MORNING} x${SPEED}`, Deno.execPath(), "run", "-A", ...script],
    env: { TZ: "UTC", NO_FAKE_STAT: "1", FAKETIME_DONT_RESET: "1", TEST_DATABASE_URL: server.url },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) yield line as string;
  await child.status;
}
