import { assertEquals, assertStringIncludes } from "@std/assert";
import { csvLine, HEADER } from "../support/bars.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

/** A file of AAPL and MSFT on 2 January 2024 from 09:30 in New York on; AAPL lacks minutes 3, 4 and 8. */
const file = [
  HEADER,
  ...[0, 1, 2, 5, 6, 7, 9].map((minute) => csvLine(minute)),
  ...[0, 1, 2].map((minute) => csvLine(minute, "MSFT")),
  "",
].join("\n");

/** A workspace with the file's bars in its database. */
async function openWithBars() {
  const work = await openWorkspace(server);
  const path = await work.write("bars.csv", file);
  assertEquals((await work.ingest(["--file", path])).code, 0);
  const gaps = (...args: string[]) => {
    const database = args.includes("--database") ? [] : ["--database", work.database];
    return work.run(["gaps", ...database, "--data-dir", work.dataDir, ...args]);
  };
  /** The database, for another user. */
  function as(user: string): string {
    const url = new URL(work.database);
    url.username = user;
    return url.href;
  }
  return { gaps, as, query: work.query, write: work.write, [Symbol.asyncDispose]: () => work[Symbol.asyncDispose]() };
}

let opened: ReturnType<typeof openWithBars> | undefined;
Deno.test.afterAll(async () => await (await opened)?.[Symbol.asyncDispose]());

/** The same for all tests that only look. */
const withBars = () => opened ??= openWithBars();

Deno.test("gaps lists bars missing by the calendar, and exits 1", async () => {
  const work = await withBars();
  const { code, stdout, stderr } = await work.gaps();
  assertEquals([code, stderr], [1, ""]);
  assertEquals(stdout.split("\n").map((line) => line.replaceAll(/ +/g, " ")), [
    "SERIES FROM TO MINUTES STATE",
    "replay AAPL 1m 2024-01-02T14:33Z 2024-01-02T14:35Z 2 missing",
    " 2024-01-02T14:38Z 2024-01-02T14:39Z 1 missing",
    "2 series, 3 minutes are missing",
    "",
  ]);
});

Deno.test("gaps --json prints one object with every range and the totals", async () => {
  const work = await withBars();
  const { code, stdout } = await work.gaps("--json", "--symbols", "AAPL");
  assertEquals(code, 1);
  const series = { provider: "replay", symbol: "AAPL", timeframe: "1m" };
  const missing = { state: "missing", reason: "unknown" };
  assertEquals(JSON.parse(stdout), {
    ranges: [
      { ...series, from: "2024-01-02T14:33:00.000Z", to: "2024-01-02T14:35:00.000Z", minutes: 2, ...missing },
      { ...series, from: "2024-01-02T14:38:00.000Z", to: "2024-01-02T14:39:00.000Z", minutes: 1, ...missing },
    ],
    skipped: [],
    series: 1,
    totals: { found: 3, repaired: 0, noTrade: 0, unrepairable: 0, missing: 3, unknown: 0 },
  });
});

Deno.test("gaps looks at the given provider, symbols and times, and exits 0 if nothing is missing", async () => {
  const work = await withBars();
  const complete = ["1 series, no minutes are missing\n", 0];
  const told = async (...args: string[]) => {
    const { stdout, code } = await work.gaps(...args);
    return [stdout, code];
  };
  assertEquals(await told("--symbols", "MSFT"), complete);
  assertEquals(await told("--symbols", "AAPL", "--from", "2024-01-02T14:35Z", "--to", "2024-01-02T14:38Z"), complete);
  assertEquals(await told("--symbols", "AAPL", "--to", "2024-01-02"), complete);
  assertEquals(await told("--provider", "kraken"), ["0 series, no minutes are missing\n", 0]);
});

Deno.test("gaps from a time before the first bar expects bars from there on", async () => {
  const work = await withBars();
  const { code, json } = await work.gaps("--json", "--symbols", "MSFT", "--from", "2023-12-28", "--to", "2024-01-02");
  assertEquals(code, 1);
  assertEquals(json.totals.found, 2 * 390, "Thursday and Friday, no weekend and no New Year's Day");
});

Deno.test("gaps names doubts before the first bar of a series, and those of a series without bars", async () => {
  await using work = await openWorkspace(server);
  const path = await work.write("bars.csv", [HEADER, csvLine(5, "ETH/USD"), csvLine(6, "ETH/USD"), ""].join("\n"));
  assertEquals((await work.ingest(["--file", path])).code, 0);
  await work.query(`INSERT INTO series_key (tenant, provider, symbol, timeframe)
VALUES ('default', 'kraken', 'BTC/USD', '1m'), ('default', 'kraken', 'SOL/USD', '1m')`);
  const doubts = [
    ["ETH/USD", "2024-01-02T14:31Z", "2024-01-02T14:33Z", "lag", "now()"],
    ["BTC/USD", "2024-01-02T14:20Z", "2024-01-02T14:40Z", "interrupted", "now()"],
    ["BTC/USD", "2023-01-02T00:00Z", "2024-01-01T00:00Z", "horizon", "NULL"],
  ];
  for (const [symbol, from, to, reason, dueAt] of doubts) {
    await work.query(`INSERT INTO series_doubt (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT id, '${from}', '${to}', '${reason}', now(), ${dueAt}, 1 FROM series_key WHERE symbol = '${symbol}'`);
  }
  const { json } = await work.run([
    ...["gaps", "--json", "--explain", "--to", "2024-01-02T14:41Z"],
    ...["--database", work.database, "--data-dir", work.dataDir],
  ]);
  const told = (
    { symbol, from, to, reason }: Record<string, string>,
  ) => [symbol, from.slice(11, 16), to.slice(11, 16), reason];
  assertEquals(json.ranges.map(told), [
    ["BTC/USD", "14:20", "14:40", "the connection was interrupted"],
    ["BTC/USD", "14:40", "14:41", "unknown"],
    ["ETH/USD", "14:31", "14:33", "history does not reach the end of the range yet"],
    ["ETH/USD", "14:33", "14:35", "unknown"],
    ["ETH/USD", "14:37", "14:41", "unknown"],
  ]);
  assertEquals(json.doubts.map(told), [
    ["BTC/USD", "14:20", "14:40", "interrupted"],
    ["ETH/USD", "14:31", "14:33", "lag"],
  ]);
  assertEquals(json.unknown.map(told), [["BTC/USD", "14:40", "14:41", "unknown"]], "series of files are not counted");
});

Deno.test("gaps counts the unknown minutes, and --explain lists their ranges", async () => {
  await using work = await openWorkspace(server);
  assertEquals((await work.run(["migrate", "--database", work.database, "--data-dir", work.dataDir])).code, 0);
  await work.query(
    `INSERT INTO series_key (tenant, provider, symbol, timeframe) VALUES ('default', 'kraken', 'BTC/USD', '1m')`,
  );
  const start = Date.UTC(2024, 0, 2, 14, 30);
  const time = (minute: number) => new Date(start + minute * 60_000).toISOString();
  // Bars of minutes 0 to 5; of 2 and 3 one is confirmed and one is in doubt.
  for (let minute = 0; minute <= 5; minute++) {
    await work.query(`INSERT INTO bar (series_id, ts, open, high, low, close, volume, status, received_at)
SELECT id, '${time(minute)}', 1, 1, 1, 1, 1, 'f', now() FROM series_key`);
  }
  await work.query(`INSERT INTO series_coverage (series_id, confirmed, updated_at, updated_by)
SELECT id, tstzmultirange(tstzrange('${time(2)}', '${time(3)}')), now(), 'a test' FROM series_key`);
  await work.query(`INSERT INTO series_doubt (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT id, '${time(3)}', '${time(4)}', 'partial', now(), now(), 0 FROM series_key`);
  const gaps = (...args: string[]) =>
    work.run([
      "gaps",
      ...args,
      "--from",
      time(-5),
      "--to",
      time(8),
      "--database",
      work.database,
      "--data-dir",
      work.dataDir,
    ]);
  const { json } = await gaps("--json", "--explain");
  const series = { provider: "kraken", symbol: "BTC/USD", timeframe: "1m" };
  const range = (from: number, to: number) => ({ ...series, from: time(from), to: time(to), minutes: to - from });
  assertEquals(json.unknown, [{ ...range(-5, 2), reason: "unknown" }, { ...range(4, 8), reason: "unknown" }]);
  assertEquals(
    json.ranges,
    [range(-5, 0), range(6, 8)].map((each) => ({ ...each, state: "missing", reason: "unknown" })),
  );
  assertEquals([json.totals.missing, json.totals.unknown], [7, 11]);
  const { stdout } = await gaps("--explain");
  assertStringIncludes(stdout, "kraken BTC/USD 1m is unknown from 2024-01-02T14:25Z to 2024-01-02T14:32Z, 7 minutes: ");
  assertStringIncludes(stdout, "1 series, 7 minutes are missing; nothing is known of 11, see --explain\n");
});

Deno.test("gaps --explain names doubts of minutes that are not expected to be in history yet", async () => {
  await using work = await openWorkspace(server);
  const gaps = (...args: string[]) =>
    work.run(["gaps", "--json", "--explain", "--database", work.database, "--data-dir", work.dataDir, ...args]);
  await gaps();
  await work.query(
    `INSERT INTO series_key (tenant, provider, symbol, timeframe) VALUES ('default', 'alpaca', 'AAPL', '1m');
INSERT INTO series_doubt (series_id, starts, ends, reason, found_at, due_at, attempts)
SELECT id, now() - interval '6 minutes', now() - interval '5 minutes', 'hole', now(), now(), 0 FROM series_key`,
  );
  const { json } = await gaps();
  assertEquals([json.ranges, json.doubts.map(({ reason }: { reason: string }) => reason)], [[], ["hole"]]);
  const { json: before } = await gaps("--from", "2024-01-02", "--to", "2024-01-03");
  assertEquals(before.doubts, []);
});

Deno.test("gaps looks at the providers and symbols of the configuration file", async () => {
  const work = await withBars();
  const path = await work.write("barline.yaml", "symbols: { replay: [MSFT], kraken: [AAPL] }\nlimit: 1\n");
  const { json } = await work.gaps("--json", "--config", path);
  assertEquals([json.series, json.totals.missing], [1, 0]);
  assertEquals(json.skipped, [{ symbol: "AAPL", reason: "no bars of it are stored" }]);
  const { json: one, code } = await work.gaps("--json", "--config", path, "--provider", "replay");
  assertEquals([one.series, one.skipped, code], [1, [], 0]);
});

Deno.test("gaps reports a symbol without stored bars, and exits 1", async () => {
  const work = await withBars();
  const { code, json } = await work.gaps("--json", "--symbols", "MSFT,NVDA");
  assertEquals([code, json.skipped, json.series], [1, [{ symbol: "NVDA", reason: "no bars of it are stored" }], 1]);
});

for (
  const [args, says] of [
    [["--provider", "alpca"], 'there is no such provider, and no bars of it are stored, did you mean "alpaca"?'],
    [["--from", "2024-02-30"], 'Cannot read --from as a time: current value is "2024-02-30", expected a day like'],
    [["--to", "2024-01-02T14:30:00"], "Cannot read --to as a time"],
    [["--from", "2024-01-03", "--to", "2024-01-02"], "Cannot look from 2024-01-03 to 2024-01-02"],
    [["--from", "2999-01-01"], "Cannot look from 2999-01-01 to now"],
    [["--repare"], "did you mean --repair?"],
    [["now"], '"gaps" takes only options'],
  ] as [string[], string][]
) {
  Deno.test(`gaps ${args.join(" ")} exits 2 and says why`, async () => {
    const work = await withBars();
    const { code, stdout, stderr } = await work.gaps(...args);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, says);
  });
}

testWhere(
  missingServer(),
  "gaps says that it may not look for lost partitions, and not that a replica cannot",
  async () => {
    await using work = await openWithBars();
    const role = `reader_${crypto.randomUUID().replaceAll("-", "")}`;
    await work.query(`CREATE ROLE ${role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
    const refused = await work.gaps("--database", work.as(role), "--symbols", "MSFT");
    assertEquals([refused.code, refused.stdout], [0, "1 series, no minutes are missing\n"]);
    assertEquals(
      refused.stderr,
      "Cannot look for lost partitions and chunks of bars: permission denied for function compare_bar_parts (42501)\n",
    );

    await work.query(`GRANT UPDATE ON series_coverage TO ${role};
    INSERT INTO bar_deletion (series_id, ts) SELECT id, now() FROM series_key LIMIT 1;
    ALTER ROLE ${role} SET default_transaction_read_only = on`);
    const replica = await work.gaps("--database", work.as(role), "--symbols", "MSFT");
    assertEquals([replica.code, replica.stderr], [0, ""]);
    assertEquals(await work.query("SELECT count(*)::int AS rows FROM bar_deletion"), [{ rows: 1 }]);
  },
);
