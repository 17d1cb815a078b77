import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { csvFile, csvLine, HEADER } from "../support/bars.ts";
import { addressOf, type Running } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { assertBalances } from "./scenarios.ts";

const server = await startSharedServer();

/** Waits until a run serves, and gives the function that reads its metrics. */
async function metricsOf(running: Running): Promise<() => Promise<string>> {
  const url = await addressOf(running);
  return async () => await (await fetch(`${url}/metrics`)).text();
}

Deno.test("after kill -9 --resume continues after the last committed record, and the table is complete", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", csvFile(30_000));
  const running = work.startIngest(["--file", file, "--rate", "5000"]);
  const positions = join(work.dataDir, "positions", "files.jsonl");
  while (await Deno.readTextFile(positions).catch(() => "") === "") await delay(20);
  running.kill("SIGKILL");
  assertEquals((await running.ended).code, 137);
  const { code, json } = await work.ingest(["--file", file, "--resume"]);
  assertEquals(code, 0);
  assert(json.received > 0 && json.received < 30_000, `received ${json.received}`);
  assertEquals(await work.count(), 30_000);
});

Deno.test("--resume names the right line of a bad record", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", `${HEADER}\n\n${csvLine(0)}\n"é",bad\n${csvLine(1)}\nbad\n`);
  await work.ingest(["--file", file, "--limit", "1"]);
  await work.ingest(["--file", file, "--resume"]);
  const locations = (await work.letters()).map(({ metadata }) => metadata.location).sort();
  assertEquals(locations, [`${file}:4`, `${file}:6`]);
});

Deno.test("--file - reads standard input", async () => {
  await using work = await openWorkspace(server);
  const { code, json } = await work.ingest(["--file", "-"], { stdin: csvFile(700) });
  assertEquals([code, json.stored], [0, 700]);
});

Deno.test("SIGTERM ends a wait for standard input, after the records that came through it", async () => {
  await using work = await openWorkspace(server);
  const stdin = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(csvFile(3))),
  });
  const running = work.startIngest(["--file", "-", "--http", "127.0.0.1:0"], { stdin });
  const url = await addressOf(running);
  while (!/^barline_records_stored_total\{tenant="default"\} 3/m.test(await (await fetch(`${url}/metrics`)).text())) {
    await delay(20);
  }
  running.kill("SIGTERM");
  const { code, json } = await running.ended;
  assertEquals([code, json.ended, json.stored], [143, "stopped", 3]);
});

Deno.test("several providers run at once", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", csvFile(500));
  const running = work.startIngest([
    ...["--provider", "mock", "--provider", "replay", "--file", file, "--http", "127.0.0.1:0"],
  ]);
  const metrics = await metricsOf(running);
  for (const provider of ["mock", "replay"]) {
    while (!new RegExp(`^barline_last_commit_.*"${provider}",tenant="default"} [1-9]`, "m").test(await metrics())) {
      await delay(20);
    }
  }
  running.kill("SIGTERM");
  const { code, json } = await running.ended;
  assertEquals(code, 0);
  const rows = await work.query("SELECT provider, count(*)::int AS count FROM bars GROUP BY 1 ORDER BY 1");
  assertEquals(rows, [{ provider: "mock", count: json.stored - 500 }, { provider: "replay", count: 500 }]);
});

Deno.test("a provider that fails does not stop the others, and the exit code is 1", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", "nothing\n");
  const running = work.startIngest([
    ...["--provider", "replay", "--provider", "mock", "--file", file, "--http", "127.0.0.1:0"],
  ]);
  const metrics = await metricsOf(running);
  const failed = await running.line(/Provider replay failed/);
  assertMatch(failed, /Cannot read .* header lacks symbol/);
  const stored = async () =>
    Number(/^barline_records_stored_total\{tenant="default"\} (\d+)/m.exec(await metrics())![1]);
  const before = await stored();
  while (await stored() <= before) await delay(20);
  running.kill("SIGTERM");
  const { code, json } = await running.ended;
  assertEquals(code, 1);
  assertBalances(json);
  assertEquals(await work.count(), json.stored);
});

Deno.test("the summary for people has the ledger, rate, latency and where the dead letters lie", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", `${csvFile(1200)}bad\n`);
  const { stdout } = await work.run(
    ["ingest", "--http", "off", "--database", work.database, "--data-dir", work.dataDir, "--file", file],
  );
  assertMatch(
    stdout,
    /^received 1,201 = stored 1,200 \+ unchanged 0 \+ deduplicated 0 \+ dead-lettered 1 \+ journaled 0 \+ in flight 0\n/,
  );
  assertMatch(stdout, /records\/s over [\d.]+ s, receive to commit p50 [\d.]+ ms, p99 [\d.]+ ms\n/);
  assertStringIncludes(
    stdout,
    `dead letters lie in ${join(work.dataDir, "dead-letters")}; see them with: barline dlq list`,
  );
});

Deno.test("a file of 200,000 lines is read in little memory", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", csvFile(200_000));
  const running = work.startIngest(["--file", file, "--http", "127.0.0.1:0"]);
  const url = await addressOf(running);
  let highest = 0;
  let isOver = false;
  running.ended.then(() => isOver = true);
  while (!isOver) {
    const page = await fetch(`${url}/metrics`).then((response) => response.text(), () => "");
    highest = Math.max(highest, Number(/^process_heap_bytes (\d+)/m.exec(page)?.[1] ?? 0));
  }
  assertEquals((await running.ended).json.stored, 200_000);
  // The records alone would be some 60 MB.
  assert(highest > 0 && highest < 100_000_000, `heap of ${highest} bytes`);
});

Deno.test("all problems of the configuration are reported at once, nothing is opened, and the exit code is 2", async () => {
  await using work = await openWorkspace();
  const args = ["--workers", "none", "--provider", "mok", "--file", "no.csv", "--database", "mysql://me:geheim@db/x"];
  const { code, stderr, stdout } = await work.run(["ingest", ...args], { env: { BARLINE_CAPACITY: "0" } });
  assertEquals([code, stdout], [2, ""]);
  assertEquals(stderr.trimEnd().split("\n").map((line) => /barline: (.*?): /.exec(line)?.[1]).sort(), [
    'Cannot use "capacity" from BARLINE_CAPACITY in environment',
    'Cannot use "database" from --database',
    'Cannot use "provider" from --provider',
    'Cannot use "workers" from --workers',
  ]);
  assertEquals([...Deno.readDirSync(work.directory)], []);
});

Deno.test("the password is in no output, page or dead letter of a run, nor of config show", async () => {
  await using work = await openWorkspace(server);
  if (server === undefined) return;
  const url = new URL(work.database);
  url.password = "geheim";
  const env = { DATABASE_URL: url.href };
  const args = ["--http", "127.0.0.1:0", "--log-level", "debug", "--log-format", "json", "--data-dir", work.dataDir];
  const running = work.start(["ingest", "--provider", "mock", ...args], { env });
  const address = /"url":"(http[^"]+)"/.exec(await running.line(/Serving/))![1];
  const pages = await Promise.all(
    ["metrics", "healthz", "readyz", "health"].map(async (page) => await (await fetch(`${address}/${page}`)).text()),
  );
  running.kill("SIGTERM");
  const ended = await running.ended;
  const shown = await work.run(["config", "show"], { env });
  assertEquals([ended.code, shown.code], [0, 0], ended.stderr);
  assertStringIncludes(shown.stdout, ":***@");
  const all = [ended.stdout, ended.stderr, shown.stdout, shown.stderr, ...pages].join("\n");
  assertEquals(all.includes("geheim"), false);
});

Deno.test("new and changed bars are counted apart in the summary and in JSON", async () => {
  await using work = await openWorkspace(server);
  const file = (name: string, rows: readonly string[]) =>
    Deno.writeTextFile(join(work.dataDir, name), ["symbol,ts,open,high,low,close,volume", ...rows].join("\n"));
  const row = (minute: number, close: number) => `A,2024-01-02T15:0${minute}:00Z,1,9,1,${close},5`;
  await Deno.mkdir(work.dataDir, { recursive: true });
  await file("first.csv", [row(0, 2), row(1, 2), row(2, 2)]);
  await file("second.csv", [row(1, 2), row(2, 3), row(3, 3)]);
  const ingest = (name: string) => work.ingest(["--file", join(work.dataDir, name)]);
  const first = await ingest("first.csv");
  assertEquals([first.json.stored, first.json.inserted, first.json.updated], [3, 3, 0], first.stderr);
  const { json: { stored, inserted, updated, unchanged } } = await ingest("second.csv");
  assertEquals([stored, inserted, updated, unchanged], [2, 1, 1, 1]);
  await file("third.csv", [row(3, 4), row(4, 4)]);
  const { stdout } = await work.run([
    ...["ingest", "--database", work.database, "--data-dir", work.dataDir, "--http", "off"],
    ...["--file", join(work.dataDir, "third.csv")],
  ]);
  assertStringIncludes(stdout, "stored 2 (1 new, 1 changed)");
});
