import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { testWhere } from "../support/skip.ts";
import { openWorkspace } from "../support/workspace.ts";

const binary = Deno.env.get("BARLINE_BINARY");
const missing = Deno.build.os !== "linux"
  ? "memory and processor time are read from Linux"
  : binary === undefined
  ? "BARLINE_BINARY names no binary"
  : undefined;

/** Peak of a process's resident memory, in MB; `undefined` once it has ended. */
async function peakMemory(pid: number): Promise<number | undefined> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return peak === undefined ? undefined : Number(peak) / 1000;
}

testWhere(missing, "the first start of the embedded database takes no initdb's memory", async () => {
  await using work = await openWorkspace();
  const running = work.startIngest(["--provider", "mock", "--rate", "100", "--http", "off"]);
  await running.line(/Provider "?mock"? opened/);
  const peak = await peakMemory(running.pid);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
  // initdb in WebAssembly took 750 MB, and optimising the database's functions at once 330 MB; 273 MB now.
  assert(peak! < 300, `${peak} MB`);
});

/** Processor time of a command, in seconds. */
async function processorSeconds(args: readonly string[]): Promise<number> {
  const { stderr } = await new Deno.Command("bash", {
    args: ["-c", 'TIMEFORMAT="TIME %U %S"; time "$@" >/dev/null 2>&1', "bash", binary!, ...args],
  }).output();
  const [, user, system] = /TIME (\S+) (\S+)/.exec(new TextDecoder().decode(stderr))!;
  return Number(user) + Number(system);
}

/**
 * How many times the processor time of the second command the first one takes, by the least of alternating runs: processes
 * that share the caches slow down both.
 */
async function timesAs(first: () => readonly string[], second: () => readonly string[]): Promise<number> {
  const pairs: [number, number][] = [];
  for (let run = 0; run < 3; run++) pairs.push([await processorSeconds(first()), await processorSeconds(second())]);
  const [ones, others] = [pairs.map(([one]) => one), pairs.map(([, other]) => other)];
  return Math.min(...ones) / Math.min(...others);
}

testWhere(
  missing,
  "the first start of the embedded database takes hardly more processor time than a later one",
  async () => {
    await using work = await openWorkspace();
    const ingest = (directory: string) => [
      ...["ingest", "--provider", "mock", "--limit", "1000", "--speed", "max", "--http", "off"],
      ...["--data-dir", join(work.directory, directory)],
    ];
    let start = 0;
    const times = await timesAs(() => ingest(`first-${++start}`), () => ingest(`first-${start}`));
    // 1.7 times; with initdb in WebAssembly it took 2.8 times as long.
    assert(times < 2.4, `${times} times`);
  },
);

for (const args of [["version"], ["completions", "bash"], ["doctor", "--ready", "http://127.0.0.1:1"]]) {
  testWhere(
    missing,
    `barline ${
      args.slice(0, 2).join(" ")
    } loads little: it takes a fraction of the processor time of a run that cannot start`,
    async () => {
      const times = await timesAs(() => args, () => ["ingest", "--workers", "none"]);
      // A third to a half; it took as long when every command loaded all of the program.
      assert(times < 0.75, `${times} times`);
    },
  );
}
