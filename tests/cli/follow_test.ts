import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { csvFile, csvLine, HEADER } from "../support/bars.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { assertBalances } from "./scenarios.ts";
import { until } from "../support/until.ts";

const server = await startSharedServer();
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `${csvLine(from + at)}\n`).join("");

Deno.test("a file that grows and is rotated is stored whole, though the process is killed in the middle", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", csvFile(2000));
  const append = (text: string) => Deno.writeTextFile(file, text, { append: true });
  const stored = (count: number) => until(async () => await work.count().catch(() => 0) >= count);
  const first = work.startIngest(["--file", file, "--follow"]);
  await stored(2000);
  await append(lines(2000, 3000));
  await stored(2500);
  await append(lines(3000, 3500) + csvLine(3500).slice(0, 25));
  first.kill("SIGKILL");
  assertEquals((await first.ended).code, 137);
  // The line is completed and the file rotated while nobody looks.
  await append(`${csvLine(3500).slice(25)}\n${lines(3501, 3600)}`);
  await Deno.rename(file, `${file}.1`);
  await Deno.writeTextFile(file, `${HEADER}\n${lines(3600, 3700)}`);
  const second = work.startIngest(["--file", file, "--follow", "--resume"]);
  await stored(3700);
  await append(lines(3700, 3800));
  await stored(3800);
  second.kill("SIGTERM");
  const { code, json } = await second.ended;
  assertEquals([code, json.ended], [0, "stopped"]);
  assertBalances(json);
  assert(json.received < 3800 && json.deadLettered === 0, JSON.stringify(json));
  assertEquals(await work.count(), 3800);
});

Deno.test("files are followed beside another provider, as the configuration file says", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", csvFile(10));
  const config = await work.write(
    "barline.yaml",
    `provider: [replay, mock]\nsymbols: { mock: [MOCK] }\nfile: [${join(work.directory, "bars.csv")}]\nfollow: true\n`,
  );
  const running = work.startIngest(["--config", config, "--rate", "50"]);
  const symbols = () => work.query("SELECT symbol, count(*)::int FROM bars GROUP BY symbol");
  const has = async (symbol: string, count: number) =>
    (await symbols().catch(() => [])).some((row) => row.symbol === symbol && Number(row.count) >= count);
  await until(async () => await has("AAPL", 10) && await has("MOCK", 1));
  await Deno.writeTextFile(file, lines(10, 20), { append: true });
  await until(() => has("AAPL", 20));
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});
