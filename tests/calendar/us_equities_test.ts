import { assert, assertEquals } from "@std/assert";
import { usEquities, usEquitiesExtended } from "../../src/calendar/us_equities.ts";

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const utc = (iso: string) => Date.parse(`${iso}Z`);
const yearOf = (year: number) => [...usEquities.sessions(Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1))];
const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
/** Weekdays of a year without a session. */
function closedIn(year: number): string[] {
  const open = new Set(yearOf(year).map(({ from }) => dateOf(from)));
  const closed: string[] = [];
  for (let ms = Date.UTC(year, 0, 1); ms < Date.UTC(year + 1, 0, 1); ms += DAY_MS) {
    const isWeekday = ![0, 6].includes(new Date(ms).getUTCDay());
    if (isWeekday && !open.has(dateOf(ms))) closed.push(dateOf(ms).slice(5));
  }
  return closed;
}

Deno.test("every year has as many trading days as the exchanges had", () => {
  const days: Record<number, number> = {
    ...{ 2000: 252, 2001: 248, 2002: 252, 2003: 252, 2004: 252, 2005: 252, 2006: 251, 2007: 251, 2008: 253 },
    ...{ 2009: 252, 2010: 252, 2011: 252, 2012: 250, 2013: 252, 2014: 252, 2015: 252, 2016: 252, 2017: 251 },
    ...{ 2018: 251, 2019: 252, 2020: 253, 2021: 252, 2022: 251, 2023: 250, 2024: 252, 2025: 250 },
  };
  assertEquals(Object.fromEntries(Object.keys(days).map((year) => [year, yearOf(Number(year)).length])), days);
});

Deno.test("holidays are those that the exchanges kept or have published", () => {
  const holidays: Record<number, string> = {
    2000: "01-17 02-21 04-21 05-29 07-04 09-04 11-23 12-25",
    2001: "01-01 01-15 02-19 04-13 05-28 07-04 09-03 09-11 09-12 09-13 09-14 11-22 12-25",
    2004: "01-01 01-19 02-16 04-09 05-31 06-11 07-05 09-06 11-25 12-24",
    2005: "01-17 02-21 03-25 05-30 07-04 09-05 11-24 12-26",
    2007: "01-01 01-02 01-15 02-19 04-06 05-28 07-04 09-03 11-22 12-25",
    2010: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",
    2011: "01-17 02-21 04-22 05-30 07-04 09-05 11-24 12-26",
    2012: "01-02 01-16 02-20 04-06 05-28 07-04 09-03 10-29 10-30 11-22 12-25",
    2015: "01-01 01-19 02-16 04-03 05-25 07-03 09-07 11-26 12-25",
    2018: "01-01 01-15 02-19 03-30 05-28 07-04 09-03 11-22 12-05 12-25",
    2021: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
    2028: "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25",
  };
  for (const [year, days] of Object.entries(holidays)) assertEquals(closedIn(Number(year)).join(" "), days, year);
});

Deno.test("half days are those on which the exchanges closed at 13:00", () => {
  const halfDays = [];
  for (let year = 2000; year <= 2030; year++) {
    const short = yearOf(year).filter(({ from, to }) => to - from === 3.5 * HOUR_MS);
    halfDays.push(`${year}: ${short.map(({ from }) => dateOf(from).slice(5)).join(" ")}`);
  }
  assertEquals(halfDays, [
    "2000: 07-03 11-24",
    "2001: 07-03 11-23 12-24",
    "2002: 07-05 11-29 12-24",
    "2003: 07-03 11-28 12-24 12-26",
    "2004: 11-26",
    "2005: 11-25",
    "2006: 07-03 11-24",
    "2007: 07-03 11-23 12-24",
    "2008: 07-03 11-28 12-24",
    "2009: 11-27 12-24",
    "2010: 11-26",
    "2011: 11-25",
    "2012: 07-03 11-23 12-24",
    "2013: 07-03 11-29 12-24",
    "2014: 07-03 11-28 12-24",
    "2015: 11-27 12-24",
    "2016: 11-25",
    "2017: 07-03 11-24",
    "2018: 07-03 11-23 12-24",
    "2019: 07-03 11-29 12-24",
    "2020: 11-27 12-24",
    "2021: 11-26",
    "2022: 11-25",
    "2023: 07-03 11-24",
    "2024: 07-03 11-29 12-24",
    "2025: 07-03 11-28 12-24",
    "2026: 11-27 12-24",
    "2027: 11-26",
    "2028: 07-03 11-24",
    "2029: 07-03 11-23 12-24",
    "2030: 07-03 11-29 12-24",
  ]);
});

Deno.test("every other session lasts from 09:30 to 16:00 on New York's clock, by the system's time zones", () => {
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", timeStyle: "short" });
  const hours = (year: number) => new Set(yearOf(year).map(({ from, to }) => clock.formatRange(from, to)));
  for (let year = 2000; year <= 2030; year++) {
    const odd = ["09:30–13:00", ...year === 2002 ? ["12:00–16:00"] : []];
    const shown = [...hours(year)].map((text) => text.replaceAll(/\s/g, ""));
    assertEquals(shown.filter((text) => !odd.includes(text)), ["09:30–16:00"], `${year}`);
  }
});

Deno.test("sessions keep New York's time when the clocks change", () => {
  const opens = (from: string, to: string) =>
    [...usEquities.sessions(utc(from), utc(to))].map((session) => new Date(session.from).toISOString().slice(0, 16));
  assertEquals(opens("2006-03-31", "2006-04-04"), ["2006-03-31T14:30", "2006-04-03T13:30"], "the old rule");
  assertEquals(opens("2006-10-27", "2006-10-31"), ["2006-10-27T13:30", "2006-10-30T14:30"]);
  assertEquals(opens("2007-03-09", "2007-03-13"), ["2007-03-09T14:30", "2007-03-12T13:30"], "the new one");
  assertEquals(opens("2007-11-02", "2007-11-06"), ["2007-11-02T13:30", "2007-11-05T14:30"]);
  assertEquals(opens("2026-03-06", "2026-03-10"), ["2026-03-06T14:30", "2026-03-09T13:30"]);
});

Deno.test("on the first anniversary of the attacks trading began at noon, also before the regular session", () => {
  for (const calendar of [usEquities, usEquitiesExtended]) {
    const [session] = calendar.sessions(utc("2002-09-11T08:00"), utc("2002-09-11T20:00"));
    assertEquals(session.from, utc("2002-09-11T16:00"));
  }
});

Deno.test("extended hours last from 04:00 to 20:00, which in winter is the next day in UTC", () => {
  const [summer] = usEquitiesExtended.sessions(utc("2024-07-09T00:00"), utc("2024-07-10T00:00"));
  assertEquals(summer, { from: utc("2024-07-09T08:00"), to: utc("2024-07-10T00:00") });
  const evening = [...usEquitiesExtended.sessions(utc("2024-01-10T00:30"), utc("2024-01-10T00:31"))];
  assertEquals(evening, [{ from: utc("2024-01-09T09:00"), to: utc("2024-01-10T01:00") }]);
  const [half] = usEquitiesExtended.sessions(utc("2024-12-24T02:00"), utc("2024-12-26T00:00"));
  assertEquals(half, { from: utc("2024-12-24T09:00"), to: utc("2024-12-24T22:00") }, "and to 17:00 on half days");
});

Deno.test("real bars lie in extended hours, and those of a busy stock fill every regular minute", async () => {
  const text = await Deno.readTextFile(new URL("../fixtures/bars.csv", import.meta.url));
  const rows = text.trim().split("\n").slice(1).map((line) => line.split(","));
  const stocks = rows.filter(([symbol]) => !symbol.includes("/"));
  assert(stocks.length > 2000);
  for (const [symbol, , ts] of stocks) assert(usEquitiesExtended.isOpen(Date.parse(ts)), `${symbol} at ${ts}`);
  const spy = new Set(stocks.filter(([symbol]) => symbol === "SPY").map(([, , ts]) => Date.parse(ts)));
  let minutes = 0;
  for (const { from, to } of usEquities.starts(utc("2013-10-04T00:00"), utc("2013-10-05T00:00"), 60_000)) {
    for (let ms = from; ms < to; ms += 60_000, minutes++) assert(spy.has(ms), new Date(ms).toISOString());
  }
  assertEquals(minutes, 390);
});
