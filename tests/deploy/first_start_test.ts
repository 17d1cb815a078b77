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

/** Processor time of a command, in seconds: the least of some runs, as others share the caches. */
async function processorSeconds(args: () => readonly string[]): Promise<number> {
  const runs: number[] = [];
  for (let run = 0; run < 5; run++) {
    const { stderr } = await new Deno.Command("bash", {
      args: ["-c", 'TIMEFORMAT="TIME %U %S"; time "$@" >/dev/null 2>&1', "bash", binary!, ...args()],
    }).output();
    const [, user, system] = /TIME (\S+) (\S+)/.exec(new TextDecoder().decode(stderr))!;
    runs.push(Number(user) + Number(system));
  }
  return Math.min(...runs);
}

testWhere(missing, "the first start of the embedded database takes little processor time", async () => {
  await using work = await openWorkspace();
  let start = 0;
  const seconds = await processorSeconds(() => [
    ...["ingest", "--provider", "mock", "--limit", "1000", "--speed", "max", "--http", "off"],
    ...["--data-dir", join(work.directory, `first-${start++}`)],
  ]);
  // 1.3 s on an idle machine, and 2.0 s where the database's functions are optimised at once; more where others share the caches.
  assert(seconds < 2.1, `${seconds} s`);
});

for (const args of [["version"], ["completions", "bash"], ["doctor", "--ready", "http://127.0.0.1:1"]]) {
  testWhere(
    missing,
    `barline ${args.slice(0, 2).join(" ")} loads little: it takes hardly any processor time`,
    async () => {
      const seconds = await processorSeconds(() => args);
      // It took 0.5 s and more when every command loaded all of the program; 0.10 to 0.15 s on an idle machine now.
      assert(seconds < 0.3, `${seconds} s`);
    },
  );
}
