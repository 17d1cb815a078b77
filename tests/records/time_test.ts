import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { describeTimeUnit, formatTime, parseIso, TIME_UNITS, timeParser } from "../../src/records/time.ts";

const parse = timeParser("iso");
const OPENING = Date.UTC(2024, 0, 2, 14, 30);

/** Times from 1900 to 2100 to the microsecond, in microseconds. */
const micros = fc.integer({ min: Date.UTC(1900) * 1000, max: Date.UTC(2100) * 1000 });

for (
  const text of [
    "2024-01-02T14:30:00Z",
    "2024-01-02T14:30:00z",
    "2024-01-02 14:30:00Z",
    "2024-01-02T14:30Z",
    "2024-01-02T14:30:00.000Z",
    "2024-01-02T14:30:00,0 Z",
    " 2024-01-02T14:30:00Z ",
    "2024-01-02T14:30:00+00:00",
    "2024-01-02T14:30:00-00:00",
    "2024-01-02T09:30:00-05:00",
    "2024-01-02T09:30:00-0500",
    "2024-01-02T09:30:00-05",
    "2024-01-02 09:30:00 -05:00",
    "2024-01-02T20:00:00+05:30",
    "2024-01-02T20:15:00+05:45",
    "2024-01-03T04:30:00+14:00",
    "2024-01-02T02:30:00-12:00",
    "2024-01-02T11:00:00-03:30",
  ]
) {
  Deno.test(`an ISO time may be written "${text}"`, () => {
    assertEquals(parse(text), OPENING);
    assertEquals(parseIso(text), OPENING);
  });
}

for (
  const [text, why] of [
    ["2024-01-02T14:30:00", "has no zone"],
    ["2024-01-02", "has no time"],
    ["2024-02-30T00:00:00Z", "is no day"],
    ["2023-02-29T00:00:00Z", "is a leap day of no leap year"],
    ["1900-02-29T00:00:00Z", "is a leap day of a century"],
    ["2024-04-31T00:00:00Z", "is no day"],
    ["2024-13-01T00:00:00Z", "is no month"],
    ["2024-00-01T00:00:00Z", "is no month"],
    ["2024-01-00T00:00:00Z", "is no day"],
    ["2024-01-02T24:00:00Z", "is no hour"],
    ["2024-01-02T14:60:00Z", "is no minute"],
    ["2024-01-02T14:30:60Z", "is a leap second"],
    ["2024-01-02T14:30:00+24:00", "is no zone"],
    ["2024-01-02T14:30:00+05:60", "is no zone"],
    ["2024-01-02T14:30:00 EST", "names a zone that two places share"],
    ["2024-01-02T14:30:0xZ", "has a letter in it"],
    ["2024-1-2T14:30:00Z", "lacks zeros"],
    ["02/01/2024 14:30", "is in nobody's order"],
    ["1704205800", "is a number"],
    ["", "is empty"],
  ]
) {
  Deno.test(`an ISO time is refused that ${why}: "${text}"`, () => {
    assertEquals(parse(text), NaN);
    assertEquals(parseIso(text), NaN);
  });
}

Deno.test("an ISO time must be text", () => {
  for (const value of [1704205800, null, undefined, {}]) assertEquals(parse(value), NaN);
});

Deno.test("leap days are days", () => {
  assertEquals(parse("2024-02-29T00:00:00Z"), Date.UTC(2024, 1, 29));
  assertEquals(parse("2000-02-29T00:00:00Z"), Date.UTC(2000, 1, 29));
});

Deno.test("a bad day is refused again when it comes again, and the next good one is not", () => {
  assertEquals(parse("2024-02-30T00:00:00Z"), NaN);
  assertEquals(parse("2024-02-30T00:01:00Z"), NaN);
  assertEquals(parse("2024-01-02T14:30:00Z"), OPENING);
});

Deno.test("fractions of a second are kept to the microsecond and cut after it", () => {
  assertEquals(parseIso("2024-01-02T14:30:00.5Z"), OPENING + 500);
  assertEquals(parseIso("2024-01-02T14:30:00.123456Z"), OPENING + 123.456);
  assertEquals(parseIso("2024-01-02T14:30:00.999999999Z"), OPENING + 999.999);
  assertEquals(parseIso("2024-01-02T14:30:00.000001Z"), OPENING + 0.001);
});

Deno.test("the quick way for plain times agrees with the thorough one", () => {
  fc.assert(fc.property(micros, (us) => {
    const text = formatTime(Math.floor(us / 1e6) * 1000).replace(".000Z", "Z");
    assertEquals(text.length, 20);
    assertEquals(parse(text), parseIso(text));
  }));
  const digit = fc.stringMatching(/^[0-9:TZ-]$/);
  fc.assert(
    fc.property(fc.nat({ max: 19 }), digit, (at, other) => {
      const text = `2024-01-02T14:30:00Z`.slice(0, at) + other + `2024-01-02T14:30:00Z`.slice(at + 1);
      assertEquals(parse(text), parseIso(text), text);
    }),
  );
});

Deno.test("formatTime() and parseIso() are each other's inverse from 1900 to 2100", () => {
  fc.assert(fc.property(micros, (us) => {
    const ms = us / 1000;
    assertEquals(Math.round(parseIso(formatTime(ms)) * 1000), us);
  }));
});

Deno.test("formatTime() writes microseconds only if the time has any", () => {
  assertEquals(formatTime(OPENING), "2024-01-02T14:30:00.000Z");
  assertEquals(formatTime(OPENING + 0.001), "2024-01-02T14:30:00.000001Z");
  assertEquals(formatTime(-0.001), "1969-12-31T23:59:59.999999Z");
});

Deno.test("formatTime() carries what rounds up to a whole millisecond", () => {
  assertEquals(formatTime(0.9999), "1970-01-01T00:00:00.001Z");
});

Deno.test("formatTime() shows the number of an invalid date", () => {
  assertEquals(formatTime(1.7e21), "1.7e+21");
  assertEquals(formatTime(Infinity), "Infinity");
  assertEquals(formatTime(NaN), "NaN");
});

for (
  const [unit, value, ms] of [
    ["s", "1704205800", OPENING],
    ["s", 1704205800, OPENING],
    ["s", "1704205800.5", OPENING + 500],
    ["s", "1704205800.123456", OPENING + 123.456],
    ["s", "-1", -1000],
    ["ms", "1704205800000", OPENING],
    ["ms", "1704205800000.25", OPENING + 0.25],
    ["us", "1704205800000001", OPENING + 0.001],
    ["us", 1704205800000001, OPENING + 0.001],
    ["ns", "1704205800000000000", OPENING],
    ["ns", "1704205800123456789", OPENING + 123.456],
    ["ns", "1704205800000000999", OPENING],
    ["ns", "1000000", 1],
    ["ns", 1704205800000000000, OPENING],
  ] as const
) {
  Deno.test(`${JSON.stringify(value)} ${unit} since 1970 are ${ms} ms`, () => {
    assertEquals(timeParser(unit)(value), ms);
  });
}

Deno.test("nanoseconds of 19 digits keep their microsecond, which a double would lose", () => {
  fc.assert(fc.property(fc.bigInt({ min: 10n ** 18n, max: 4n * 10n ** 18n }), (ns) => {
    assertEquals(Math.round(timeParser("ns")(String(ns)) * 1000), Number(ns / 1000n));
  }));
});

Deno.test("a number of any unit must be a decimal", () => {
  for (const unit of TIME_UNITS) {
    for (const value of ["", "soon", "0x10", null, undefined]) assertEquals(timeParser(unit)(value), NaN);
  }
  assertEquals(timeParser("s")("2024-01-02T14:30:00Z"), NaN);
});

Deno.test("each unit is described for people", () => {
  for (const unit of TIME_UNITS) assert(describeTimeUnit(unit).length > 0);
  assertStringIncludes(describeTimeUnit("ns"), "--time-unit ns");
});
