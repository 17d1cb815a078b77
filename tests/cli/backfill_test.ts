import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bar, MINUTE, START } from "../support/alpaca.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startFakeKraken } from "../support/fake_kraken.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();
const iso = (ms: number) => new Date(ms).toISOString();
const END = START + 50 * MINUTE;

/** Runs a backfill of the fake's minutes, and tells how it ended. */
function start(work: Workspace, fake: { variables: Record<string, string> }, args: string[] = []) {
  const range = args.includes("--from") ? [] : ["--from", iso(START), "--to", iso(END)];
  const where = ["--database", work.database, "--data-dir", work.dataDir];
  return work.start(["backfill", "--provider", "alpaca", "--json", ...where, ...range, ...args], {
    env: fake.variables,
  });
}

Deno.test("a backfill stores the range, its start inclusive and its end exclusive, and once only", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca({ pageSize: 20 });
  for (let minute = -1; minute < 55; minute++) fake.history.push(bar(minute), bar(minute, { symbol: "MSFT" }));
  const { code, json, stderr } = await start(work, fake, ["--symbols", "AAPL,MSFT"]).ended;
  assertEquals([code, json.received, json.stored, json.inFlight], [0, 100, 100, 0], stderr);
  const [{ first, last }] = await work.query("SELECT min(ts) AS first, max(ts) AS last FROM bar");
  assertEquals([first, last].map(String), [START, END - MINUTE].map((ms) => String(new Date(ms))));
  // Nothing is left to read, and nothing is asked for.
  const asked = fake.requests.length;
  const again = await start(work, fake, ["--symbols", "AAPL,MSFT"]).ended;
  assertEquals([again.code, again.json.received, fake.requests.length], [0, 0, asked]);
  // A longer range reads what is missing alone; --restart reads all.
  const longer = await start(work, fake, ["--symbols", "AAPL", "--from", iso(START - MINUTE), "--to", iso(END)]).ended;
  assertEquals([longer.code, longer.json.received, longer.json.stored], [0, 1, 1]);
  const whole = await start(work, fake, ["--symbols", "AAPL,MSFT", "--restart"]).ended;
  assertEquals([whole.code, whole.json.received, whole.json.unchanged], [0, 100, 100]);
});

Deno.test("a backfill of old bars is noted in the database while history is read, and no longer", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  const first = -8 * 24 * 60;
  for (let minute = 0; minute < 50; minute++) fake.history.push(bar(first + minute));
  const { promise: noted, resolve, reject } = Promise.withResolvers<unknown>();
  fake.hold = async () => {
    await work.query("SELECT tenant, provider, timeframe, symbols FROM history_read").then(resolve, reject);
  };
  const range = [first, first + 50].map((minute) => iso(START + minute * MINUTE));
  const run = start(work, fake, ["--symbols", "AAPL", "--from", range[0], "--to", range[1]]);
  assertEquals(await noted, [{ tenant: "default", provider: "alpaca", timeframe: "1m", symbols: ["AAPL"] }]);
  const { code, stderr } = await run.ended;
  assertEquals([code, await work.count()], [0, 50], stderr);
  assertEquals(await work.query("SELECT * FROM history_read"), []);
});

Deno.test("after kill -9 in the middle, the same command reads the rest", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca({ pageSize: 10 });
  for (let minute = 0; minute < 50; minute++) fake.history.push(bar(minute));
  const killed = start(work, fake, ["--symbols", "AAPL"]);
  await fake.until(() => fake.requests.length === 3);
  killed.kill("SIGKILL");
  await killed.ended;
  const before = fake.requests.length;
  const { code, stderr } = await start(work, fake, ["--symbols", "AAPL"]).ended;
  assertEquals(code, 0, stderr);
  assertEquals(await work.count(), 50);
  assertEquals(fake.requests.length > before, true);
});

Deno.test("a stop in the middle saves the progress, and says how to continue", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca({ pageSize: 10 });
  for (let minute = 0; minute < 50; minute++) fake.history.push(bar(minute));
  const stopped = start(work, fake, ["--symbols", "AAPL"]);
  await fake.until(() => fake.requests.length === 3);
  stopped.kill("SIGTERM");
  const { code, stderr, json } = await stopped.ended;
  assertEquals([code, json.ended, json.received, json.inFlight], [143, "stopped", json.stored, 0], stderr);
  assertStringIncludes(stderr, "run the same command again to continue from here");
  const rest = await start(work, fake, ["--symbols", "AAPL"]).ended;
  assertEquals([rest.code, rest.json.received], [0, 50 - json.stored], rest.stderr);
  assertEquals(await work.count(), 50);
});

Deno.test("a refused symbol is named, the others are read, and the exit code is 1", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca({ known: ["AAPL", "MSFT", "TSLA"] });
  for (let minute = 0; minute < 50; minute++) {
    for (const symbol of ["AAPL", "MSFT", "TSLA"]) fake.history.push(bar(minute, { symbol }));
  }
  const { code, json, stderr } = await start(work, fake, ["--symbols", "AAPL,NO SUCH,MSFT,TSLA,QUIET"]).ended;
  assertEquals([code, json.stored], [1, 150], stderr);
  assertMatch(stderr, /NO SUCH is left out: .*invalid symbol/);
  assertMatch(stderr, /QUIET is left out/);
});

Deno.test("beside an ingest, a correction that came after the question stays, however late the answer is stored", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  fake.history.push(bar(0), bar(1));
  const provider = ["--provider", "alpaca", "--symbols", "AAPL"];
  const live = work.startIngest(provider, { env: fake.variables });
  const connection = await fake.connection();
  const asked = Promise.withResolvers<void>();
  const corrected = Promise.withResolvers<void>();
  fake.hold = ({ searchParams }) => {
    if (searchParams.get("start") !== iso(START)) return Promise.resolve();
    asked.resolve();
    return corrected.promise;
  };
  const running = start(work, fake, ["--symbols", "AAPL"]);
  await asked.promise;
  connection.updates(bar(0, { volume: 999 }));
  while (await work.count() === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  corrected.resolve();
  const { code, json, stderr } = await running.ended;
  assertEquals([code, json.stored, json.unchanged], [0, 1, 1], stderr);
  const rows = await work.query("SELECT volume, status FROM bar ORDER BY ts");
  assertEquals(rows, [{ volume: 999, status: "c" }, { volume: 205.25, status: "h" }]);
  live.kill("SIGTERM");
  assertEquals((await live.ended).code, 0);
});

Deno.test("bars of a day, which alpaca does not stream, are read up to the last day of New York that is over", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  const day = 24 * 60 * MINUTE;
  const first = Math.floor(Date.now() / day) * day - 5 * day;
  // They start at midnight in New York.
  for (let at = 0; at <= 5; at++) fake.history.push(bar(0, { ts: first + at * day + 5 * 60 * MINUTE }));
  const range = ["--symbols", "AAPL", "--timeframe", "1d", "--from", iso(first), "--to", iso(Date.now() + day)];
  const { code, json, stderr } = await start(work, fake, range).ended;
  // The one of today is not over, nor before six o'clock that of yesterday.
  const over = Math.floor((Date.now() - 6 * 60 * MINUTE - first) / day);
  assertEquals([code, json.stored], [0, over], stderr);
  assertEquals(fake.requests[0].searchParams.get("timeframe"), "1Day");
  const rows = await work.query("SELECT DISTINCT timeframe FROM bars");
  assertEquals(rows, [{ timeframe: "1d" }]);
});

Deno.test("several providers with a history may be read at once, each with symbols of its own", async () => {
  await using work = await openWorkspace(server);
  await using alpaca = startFakeAlpaca();
  await using kraken = startFakeKraken(["BTC/USD"]);
  for (let minute = 0; minute < 50; minute++) {
    alpaca.history.push(bar(minute));
    kraken.history.push(bar(minute, { symbol: "BTC/USD" }));
  }
  const config = await work.write(
    "barline.yaml",
    "provider: [alpaca, kraken]\nsymbols: { alpaca: [AAPL], kraken: [BTC/USD] }\n",
  );
  const range = ["--from", iso(START), "--to", iso(END), "--json"];
  const { code, json, stderr } = await work.run(
    ["backfill", "--config", config, "--database", work.database, "--data-dir", work.dataDir, ...range],
    { env: { ...alpaca.variables, ...kraken.variables } },
  );
  assertEquals([code, json.stored], [0, 100], stderr);
});

Deno.test("the settings of an ingest in the same environment do not reach a backfill", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  for (let minute = 0; minute < 50; minute++) fake.history.push(bar(minute));
  const variables = {
    ...fake.variables,
    ...{ BARLINE_LIMIT: "5", BARLINE_KIND: "option", BARLINE_FILE: "no.csv", BARLINE_RESUME: "true" },
    ...{ BARLINE_HTTP: "127.0.0.1:1", BARLINE_QUORUM: "alpaca,massive", BARLINE_JOURNAL: "durable" },
  };
  const { code, json, stderr } = await start(work, { variables }, ["--symbols", "AAPL"]).ended;
  assertEquals([code, json.stored], [0, 50], stderr);
});

Deno.test("a wrong key ends it at once, without showing it", async () => {
  await using work = await openWorkspace(server);
  await using fake = startFakeAlpaca();
  const wrong = { ...fake, variables: { ...fake.variables, ALPACA_SECRET_KEY: "geheim" } };
  const symbols = Array.from({ length: 300 }, (_, at) => `S${at}`).join(",");
  const { code, stderr, stdout } = await start(work, wrong, ["--symbols", symbols]).ended;
  assertEquals(code, 1);
  assertMatch(stderr, /status 403/);
  assertEquals(`${stdout}${stderr}`.includes("geheim"), false);
  assertEquals(fake.requests.length < 30, true, `${fake.requests.length} requests`);
});

for (
  const [args, says] of [
    [["--provider", "alpaca"], "Cannot backfill without a start: give one, as in --from 2024-01-02"],
    [["--provider", "alpaca", "--from", "yesterday"], 'Cannot read --from as a time: current value is "yesterday"'],
    [["--provider", "alpaca", "--from", "2024-02-30"], 'Cannot read --from as a time: current value is "2024-02-30"'],
    [["--provider", "alpaca", "--from", "2024-01-02T10:00"], "expected a day like 2024-01-02 or a time with its zone"],
    [["--provider", "alpaca", "--from", "2024-01-03", "--to", "2024-01-02"], "expected a start before the end"],
    [["--provider", "alpaca", "--from", "2999-01-03"], "expected a start before the end"],
    [["--from", "2024-01-02"], "Cannot backfill without a provider"],
    [["--provider", "mock", "--from", "2024-01-02"], "Cannot backfill from mock: it has no history"],
    [["--provider", "alpaca", "--from", "2024-01-02"], "ALPACA_API_KEY"],
    [["--provider", "nosuch", "--from", "2024-01-02"], "expected one of alpaca"],
    [["--provider", "alpaca", "--from", "2024-01-02", "--timeframe", "1w"], "expected one of 1m, 2m, 3m, 5m, 10m"],
    [["--limit", "5"], '"backfill" has no such option'],
  ] as [string[], string][]
) {
  Deno.test(`backfill ${args.join(" ")} exits 2 and says why`, async () => {
    await using work = await openWorkspace();
    const { code, stderr, stdout } = await work.run(["backfill", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, says);
  });
}
