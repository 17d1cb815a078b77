import { assert, assertEquals } from "@std/assert";
import { always } from "../../src/calendar/calendar.ts";
import { calendarOf } from "../../src/providers/mod.ts";
import { usEquities } from "../../src/calendar/us_equities.ts";
import { withClient } from "../../src/database/database.ts";
import { findGaps } from "../../src/gaps/scan.ts";
import { describeGap } from "../../src/gaps/outcome.ts";
import { processorMs } from "../support/cpu.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";
import { confirmRanges, gapsOf, starts, storeSeries, utc } from "../support/stored_series.ts";

const { test } = useServer();

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const stock = { provider: "alpaca", symbol: "AAPL", timeframe: "1m" };
const coin = { provider: "kraken", symbol: "BTC/USD", timeframe: "1m" };

test("a night, a weekend and a holiday are no gaps, and minutes of a session are", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, stock, [
    ...starts("2024-07-03T13:30", "2024-07-03T16:58"), // a half day, whose last two minutes are missing
    ...starts("2024-07-05T13:30", "2024-07-05T20:00"),
    ...starts("2024-07-08T13:31", "2024-07-08T20:00"),
  ]);
  const scan = { database, seriesId, calendar: usEquities };
  assertEquals(await gapsOf({ ...scan, from: "2024-07-03T13:30", to: "2024-07-09T13:30" }), [
    "2024-07-03T16:58 to 2024-07-03T17:00",
    "2024-07-08T13:30 to 2024-07-08T13:31",
  ]);
  assertEquals(await gapsOf({ ...scan, from: "2024-07-03T13:30", to: "2024-07-03T16:59" }), [
    "2024-07-03T16:58 to 2024-07-03T16:59",
  ]);
});

test("an outage over a night is reported session by session", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, stock, [
    ...starts("2024-07-08T13:30", "2024-07-08T19:00"),
    ...starts("2024-07-10T14:00", "2024-07-10T20:00"),
  ]);
  assertEquals(
    await gapsOf({ database, seriesId, calendar: usEquities, from: "2024-07-08T13:30", to: "2024-07-10T20:00" }),
    [
      "2024-07-08T19:00 to 2024-07-08T20:00",
      "2024-07-09T13:30 to 2024-07-09T20:00",
      "2024-07-10T13:30 to 2024-07-10T14:00",
    ],
  );
});

test("the session after a change of clocks begins an hour earlier or later in UTC", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, stock, [
    ...starts("2024-03-08T14:30", "2024-03-08T21:00"),
    ...starts("2024-03-11T13:35", "2024-03-11T20:00"),
    ...starts("2024-11-01T13:30", "2024-11-01T20:00"),
    ...starts("2024-11-04T14:35", "2024-11-04T21:00"),
  ]);
  const scan = { database, seriesId, calendar: usEquities };
  assertEquals(await gapsOf({ ...scan, from: "2024-03-08T00:00", to: "2024-03-12T00:00" }), [
    "2024-03-11T13:30 to 2024-03-11T13:35",
  ]);
  assertEquals(await gapsOf({ ...scan, from: "2024-11-01T00:00", to: "2024-11-05T00:00" }), [
    "2024-11-04T14:30 to 2024-11-04T14:35",
  ]);
});

test("crypto is missed at weekends and at midnight, too", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, coin, [
    ...starts("2024-07-06T23:00", "2024-07-06T23:58"),
    ...starts("2024-07-07T00:02", "2024-07-07T01:00"),
  ]);
  assertEquals(
    await gapsOf({ database, seriesId, calendar: always, from: "2024-07-06T23:00", to: "2024-07-07T01:00" }),
    ["2024-07-06T23:58 to 2024-07-07T00:02"],
  );
});

test("a range without any bar is missing, and an empty one is not", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, coin, starts("2024-07-01T00:00", "2024-07-01T01:00"));
  const scan = { database, seriesId, calendar: always };
  assertEquals(await gapsOf({ ...scan, from: "2024-06-01T00:00", to: "2024-06-03T00:00" }), [
    "2024-06-01T00:00 to 2024-06-03T00:00",
  ]);
  assertEquals(await gapsOf({ ...scan, from: "2024-07-01T00:00", to: "2024-07-01T01:00" }), []);
  assertEquals(await gapsOf({ ...scan, from: "2024-07-02T00:00", to: "2024-07-02T00:00" }), []);
});

test("bars outside of the sessions are neither missed nor taken for others", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, stock, [
    ...starts("2024-07-09T08:00", "2024-07-09T08:03"),
    ...starts("2024-07-09T13:31", "2024-07-09T20:30", 2 * MINUTE_MS),
  ]);
  assertEquals(
    await gapsOf({ database, seriesId, calendar: usEquities, from: "2024-07-09T13:28", to: "2024-07-09T13:35" }),
    [
      "2024-07-09T13:30 to 2024-07-09T13:31",
      "2024-07-09T13:32 to 2024-07-09T13:33",
      "2024-07-09T13:34 to 2024-07-09T13:35",
    ],
  );
});

test("minutes confirmed to be without trades are listed apart, also if they were confirmed twice", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, coin, [utc("2024-07-01T00:00"), utc("2024-07-01T00:10")]);
  await withClient(database, async (client, names) => {
    const known = [["00:02", "00:05"], ["00:03", "00:06"], ["00:06", "00:07"]];
    const ranges = known.map(([from, to]) => ({ from: utc(`2024-07-01T${from}`), to: utc(`2024-07-01T${to}`) }));
    await confirmRanges(client, names, seriesId, ranges.slice(0, 2));
    await confirmRanges(client, names, seriesId, ranges.slice(1));
    await confirmRanges(client, names, seriesId, []);
  });
  assertEquals(
    await gapsOf({ database, seriesId, calendar: always, from: "2024-07-01T00:00", to: "2024-07-01T00:12" }),
    [
      "2024-07-01T00:01 to 2024-07-01T00:02",
      "2024-07-01T00:02 to 2024-07-01T00:07 no trade",
      "2024-07-01T00:07 to 2024-07-01T00:10",
      "2024-07-01T00:11 to 2024-07-01T00:12",
    ],
  );
});

test("thousands of ranges without trades are listed apart", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, coin, starts("2024-07-01T00:00", "2024-07-05T00:00", 2 * MINUTE_MS));
  const quiet = starts("2024-07-01T00:01", "2024-07-05T00:00", 2 * MINUTE_MS);
  const ranges = quiet.map((from) => ({ from, to: from + MINUTE_MS }));
  assertEquals(ranges.length, 2880);
  await withClient(database, (client, names) => confirmRanges(client, names, seriesId, ranges.toSpliced(2000, 1)));
  const gaps = await gapsOf({ database, seriesId, calendar: always, from: "2024-07-01T00:00", to: "2024-07-05T00:00" });
  assertEquals(gaps.length, 2880);
  assertEquals(gaps.filter((gap) => !gap.endsWith("no trade")), ["2024-07-03T18:41 to 2024-07-03T18:42"]);
});

test("a gap is divided where it comes into doubt, and says why", async (server) => {
  const { database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, coin, [utc("2024-07-01T00:00"), utc("2024-07-01T00:10")]);
  const at = (time: string) => `'2024-07-01T${time}Z'`;
  await withClient(database, (client) =>
    client.query(
      `INSERT INTO series_doubt (series_id, starts, ends, reason, found_at, due_at, attempts)
VALUES (${seriesId}, ${at("00:02")}, ${at("00:04")}, 'hole', now(), now(), 3), (${seriesId}, ${at("00:04")}, ${
        at("00:06")
      }, 'denied', now(), NULL, 1)`,
    ));
  const options = {
    stepMs: MINUTE_MS,
    seriesId,
    calendar: always,
    from: utc("2024-07-01T00:00"),
    to: utc("2024-07-01T00:10"),
  };
  const gaps = await withClient(database, (client, names) => Array.fromAsync(findGaps({ client, names, ...options })));
  assertEquals(gaps.map(({ doubt }) => doubt?.reason), [undefined, "hole", "denied", undefined]);
  assertEquals(gaps.map(describeGap).map(({ state, reason }) => [state, reason]), [
    ["missing", "unknown"],
    ["missing", "a live bar did not adjoin the bar before it"],
    ["unrepairable", "the account may not read the range"],
    ["missing", "unknown"],
  ]);
});

test("a bar that has stayed provisional is missing", async (server) => {
  const { database } = await migratedDatabase(server);
  await storeSeries(database, coin, [utc("2024-07-01T00:01")], "p");
  const seriesId = await storeSeries(database, coin, [utc("2024-07-01T00:00"), utc("2024-07-01T00:02")]);
  assertEquals(
    await gapsOf({ database, seriesId, calendar: always, from: "2024-07-01T00:00", to: "2024-07-01T00:03" }),
    ["2024-07-01T00:01 to 2024-07-01T00:02"],
  );
});

test("bars of an hour may start at the half hour, at the hour, or with the session", async (server) => {
  const { database } = await migratedDatabase(server);
  const hourly = { ...stock, timeframe: "1h" };
  const days: Record<string, number[]> = {
    HALF: starts("2024-07-09T13:30", "2024-07-09T20:00", HOUR_MS),
    FULL: starts("2024-07-09T13:00", "2024-07-09T20:00", HOUR_MS),
    SESSION: [utc("2024-07-09T13:30"), ...starts("2024-07-09T14:00", "2024-07-09T20:00", HOUR_MS)],
  };
  for (const [symbol, all] of Object.entries(days)) {
    assertEquals(all.length, 7);
    const seriesId = await storeSeries(database, { ...hourly, symbol }, all);
    const scan = { database, calendar: usEquities, stepMs: HOUR_MS, from: "2024-07-09T00:00", to: "2024-07-10T00:00" };
    assertEquals(await gapsOf({ ...scan, seriesId }), [], symbol);
    const holed = await storeSeries(database, { ...hourly, symbol: `${symbol}2` }, all.toSpliced(3, 1));
    assertEquals(await gapsOf({ ...scan, seriesId: holed }), ["2024-07-09T16:00 to 2024-07-09T17:00"], symbol);
  }
});

test("bars of a day are missed on trading days, whether they start at midnight here or there", async (server) => {
  const { database } = await migratedDatabase(server);
  const [utcDays, newYorkDays] = [["00:00", "00:00"], ["05:00", "04:00"]].map(([winter, summer]) =>
    ["2024-03-07", "2024-03-08", "2024-03-11", "2024-03-13"].map((day) =>
      utc(`${day}T${day < "2024-03-10" ? winter : summer}`)
    )
  );
  for (const [symbol, days] of [["UTC", utcDays], ["NY", newYorkDays]] as const) {
    const seriesId = await storeSeries(database, { ...stock, symbol, timeframe: "1d" }, days);
    for (const calendar of [usEquities, calendarOf("ibkr", "AAPL")!]) {
      assertEquals(
        await gapsOf({
          database,
          seriesId,
          calendar,
          stepMs: DAY_MS,
          from: "2024-03-07T00:00",
          to: "2024-03-14T00:00",
        }),
        ["2024-03-12T00:00 to 2024-03-13T00:00"],
        symbol,
      );
    }
  }
});

test("a million bars are looked through in a few seconds, wherever their gaps lie", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const seriesId = await storeSeries(database, coin, []);
  const first = utc("2022-01-01T00:00");
  await server.query(
    `INSERT INTO bar (series_id, ts, open, high, low, close, volume, received_at)
    SELECT ${seriesId}, to_timestamp(${first / 1000}) + n * interval '1 minute', 1, 1, 1, 1, 1, now()
    FROM generate_series(0, 999999) AS n WHERE n % 100000 <> 99999 AND n NOT BETWEEN 240000 AND 370000`,
    url,
  );
  const started = processorMs();
  const gaps = await withClient(database, (client, names) =>
    Array.fromAsync(findGaps({
      client,
      names,
      seriesId,
      calendar: always,
      stepMs: MINUTE_MS,
      from: first,
      to: first + 1_000_000 * MINUTE_MS,
    })));
  const seconds = (processorMs() - started) / 1000;
  assertEquals(gaps.map(({ from, to }) => [from, to].map((ms) => (ms - first) / MINUTE_MS)), [
    [99_999, 100_000],
    [199_999, 200_000],
    [240_000, 370_001],
    ...[399_999, 499_999, 599_999, 699_999, 799_999, 899_999, 999_999].map((at) => [at, at + 1]),
  ]);
  assert(seconds < 20, `it took ${seconds} s of the processor`);
});
