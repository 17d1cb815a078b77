/**
 * The soak: a steady stream of bars, something that goes wrong every few seconds, and what the process needs meanwhile.
 *
 *     deno task soak [--minutes 20] [--rate 1000] [--every 5] [--seed S] [-- flags of ingest]
 *
 * Memory, file descriptors, connections and latency must be as flat in the last quarter as in the second, and every bar
 * must be in the table or, where it was poison, among the dead letters. With `BARLINE_BINARY=dist/barline` the compiled
 * binary is under test.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { delay } from "@std/async/delay";
import { addressOf, type Ended } from "../../support/process.ts";
import { startProxy } from "../harness/proxy.ts";
import { createRandom } from "../harness/random.ts";
import { startServer } from "../harness/run.ts";
import { openTrial } from "../harness/scenario.ts";
import { assertBalanced } from "../harness/ingest.ts";
import { SYMBOLS } from "../harness/oracle.ts";
import { disturbances, prepareDisturbances } from "./disturbances.ts";
import { createSampler, judge, type Sample } from "./samples.ts";

const args = parseArgs(Deno.args, { string: ["minutes", "rate", "every", "seed"], "--": true });
const minutes = Number(args.minutes ?? 20);
const rate = Number(args.rate ?? 1000);
const everySeconds = Number(args.every ?? 5);
const seed = Number(args.seed ?? Math.trunc(Math.random() * 1e9));
const random = createRandom(seed);
const LOOKS = 60;

await using server = await startServer();
await using trial = await openTrial(server, { random, records: 0, report: () => {} });
await using proxy = await startProxy(server.control!.port);
await prepareDisturbances(trial);
const url = new URL(trial.work.database);
url.port = String(proxy.port);

const running = trial.work.startIngest([
  ...["--provider", "mock", "--symbols", SYMBOLS.join(","), "--speed", String(rate * 60 / SYMBOLS.length)],
  ...["--database", url.href, "--http", "127.0.0.1:0"],
  ...["--circuit-failures", "3", "--circuit-open-ms", "500", "--write-timeout-ms", "1000"],
  ...args["--"] ?? [],
], { endless: true });
const sample = createSampler(running.pid, `${await addressOf(running)}/metrics`, server);

let over = false;
let ended: Ended | undefined;
running.ended.then((how) => ended = how);
const counts = new Map<string, number>();
const disturbing = (async () => {
  while (!over) {
    await delay(everySeconds * 1000 * (0.5 + random.between(0, 100) / 100));
    if (over) return;
    const name = random.pick(Object.keys(disturbances));
    await disturbances[name](trial, proxy);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
})();

console.log(`seed ${seed}: ${minutes} minutes at ${rate} bars/s, something goes wrong about every ${everySeconds} s\n`);
console.log("|  time | RSS MB | fds | connections | load | stored/s | p50 ms | p99 ms | failed writes |");
console.log("|------:|-------:|----:|------------:|-----:|---------:|-------:|-------:|--------------:|");
const samples: Sample[] = [];
const started = performance.now();
for (let look = 1; look <= LOOKS; look++) {
  await delay(Math.max(0, started + look * minutes * 60_000 / LOOKS - performance.now()));
  if (ended !== undefined) throw new Error(`The run has ended with ${ended.code}: ${ended.stderr}`);
  // The server itself may be away just now.
  const seen = await sample().catch(() => undefined);
  if (seen === undefined) continue;
  samples.push(seen);
  const { seconds, rssMb, fds, connections, load, rate, p50, p99, failedWrites } = seen;
  const cells: [string | number, number][] = [
    [`${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`, 5],
    [rssMb.toFixed(0), 6],
    [fds, 3],
    [connections, 11],
    [load.toFixed(1), 4],
    [rate.toFixed(0), 8],
    [p50?.toFixed(1) ?? "-", 6],
    [p99?.toFixed(0) ?? "-", 6],
    [failedWrites, 13],
  ];
  console.log(`| ${cells.map(([cell, width]) => String(cell).padStart(width)).join(" | ")} |`);
}
over = true;
await disturbing;
running.kill("SIGTERM");
const { code, json, ...output } = await running.ended;
assertBalanced({ code, json, ...output });
const { stored, dead } = await trial.assertWhole(json.received);
console.log(`\n${[...counts].map(([name, count]) => `${name} × ${count}`).join(", ")}`);
console.log(
  `received ${json.received} = ${stored} in the table + ${dead} poison among the dead letters, all whole\n`,
);
console.log("| of a quarter     | second quarter | last quarter | verdict |");
console.log("|:-----------------|---------------:|-------------:|:--------|");
const verdicts = judge(samples);
for (const { title, second, last, flat } of verdicts) {
  console.log(
    `| ${title.padEnd(16)} | ${second.toFixed(1).padStart(14)} | ${last.toFixed(1).padStart(12)} | ${
      (flat === undefined ? "" : flat ? "flat" : "GROWS").padEnd(7)
    } |`,
  );
}
const flat = verdicts.every(({ flat }) => flat !== false);
console.log(`\n${flat && code === 0 ? "flat" : "NOT FLAT"}, exit code of the run ${code}, seed ${seed}`);
Deno.exitCode = flat && code === 0 ? 0 : 1;
