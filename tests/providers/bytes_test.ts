import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readDecimal } from "../../src/files/decimal.ts";
import { createInterner } from "../../src/providers/replay/bytes/intern.ts";
import { ABSENT, createObjectScanner, NUMBER } from "../../src/providers/replay/bytes/objects.ts";
import { createRowScanner } from "../../src/files/row_scanner.ts";
import { createTimeReader } from "../../src/providers/replay/bytes/time.ts";
import { parseDecimal } from "../../src/records/number.ts";
import { TIME_UNITS, timeParser } from "../../src/records/time.ts";

const RUNS = 4000;
const encoder = new TextEncoder();

/** The text between others, which a reader must not look at. */
function embed(text: string, before: string, after: string): [bytes: Uint8Array, from: number, to: number] {
  const from = encoder.encode(before).length;
  return [encoder.encode(before + text + after), from, from + encoder.encode(text).length];
}

const digits = (max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: max }).map((each) => each.join(""));
const decimals = fc.oneof(
  fc.double().map(String),
  fc.double({ min: -1e6, max: 1e6 }).map((value) => value.toFixed(4)),
  fc.integer().map(String),
  fc.tuple(
    fc.constantFrom("", "-", "+"),
    digits(20),
    fc.constantFrom("", "."),
    digits(25),
    fc.oneof(fc.constant(""), fc.tuple(fc.constantFrom("e", "E"), fc.constantFrom("", "-", "+"), digits(4))),
  ).map((parts) => parts.flat().join("")),
  fc.string({ unit: fc.constantFrom("0", "1", "9", ".", "-", "+", "e", " ", "x", ",") }),
);
const surroundings = fc.constantFrom("", "1", ",", ".", "e5", "-", "9,");

Deno.test("a decimal is read from bytes to the same bits as by Number(), or left to its text", () => {
  fc.assert(
    fc.property(decimals, surroundings, surroundings, (text, before, after) => {
      const read = readDecimal(...embed(text, before, after));
      if (!Number.isNaN(read)) assertEquals(read, parseDecimal(text));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("no decimal of up to 15 digits without padding is left to its text", () => {
  const plain = fc.tuple(fc.constantFrom("", "-", "+"), fc.integer({ min: 0, max: 1e15 - 1 }), fc.nat(15));
  fc.assert(
    fc.property(plain, ([sign, mantissa, places]) => {
      const whole = String(mantissa).padStart(places + 1, "0");
      const text = `${sign}${whole.slice(0, whole.length - places)}.${whole.slice(whole.length - places)}`;
      assertEquals(readDecimal(...embed(text, ",", ",")), Number(text));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("a decimal with another mark is read as with a point", () => {
  assertEquals(readDecimal(...embed("-1234,5", "", ""), ",".charCodeAt(0)), -1234.5);
  assertEquals(readDecimal(...embed("1234.5", "", ""), ",".charCodeAt(0)), NaN);
});

const two = (min: number, max: number) => fc.integer({ min, max }).map((value) => String(value).padStart(2, "0"));
const isoTimes = fc.tuple(
  fc.integer({ min: 0, max: 9999 }).map((year) => String(year).padStart(4, "0")),
  fc.constantFrom("-", "/"),
  two(0, 13),
  fc.constant("-"),
  two(0, 32),
  fc.constantFrom("T", " ", "t"),
  two(0, 25),
  fc.constant(":"),
  two(0, 61),
  fc.oneof(fc.constant(""), two(0, 61).map((seconds) => `:${seconds}`)),
  fc.oneof(fc.constant(""), fc.tuple(fc.constantFrom(".", ","), digits(10)).map((parts) => parts.join(""))),
  fc.constantFrom("", " ", "  "),
  fc.oneof(
    fc.constantFrom("Z", "z", "", "+", "-05", "+0530", "-05:30", "+24:00", "+05:60", "+5", "+05:3", "-00:00", "Zz"),
    fc.tuple(fc.constantFrom("+", "-"), two(0, 24), fc.constantFrom("", ":"), two(0, 60)).map((parts) =>
      parts.join("")
    ),
  ),
).map((parts) => parts.join(""));

Deno.test("an ISO time is read from bytes as from its text, in every form that has a zone", () => {
  const read = createTimeReader("iso");
  const parse = timeParser("iso");
  let count = 0;
  fc.assert(
    fc.property(isoTimes, surroundings, surroundings, (text, before, after) => {
      const expected = parse(text);
      assertEquals(read(...embed(text, before, after)), expected);
      if (!Number.isNaN(expected)) count++;
    }),
    { numRuns: RUNS },
  );
  assertEquals(count > RUNS / 200, true);
});

for (const unit of TIME_UNITS.filter((unit) => unit !== "iso")) {
  Deno.test(`a time in ${unit} is read from bytes as from its text, or left to it`, () => {
    const read = createTimeReader(unit);
    const parse = timeParser(unit);
    const long = fc.tuple(fc.constantFrom("", "-"), fc.bigInt({ min: 0n, max: 10n ** 20n })).map((it) => it.join(""));
    fc.assert(
      fc.property(fc.oneof(decimals, long), surroundings, surroundings, (text, before, after) => {
        const ms = read(...embed(text, before, after));
        if (!Number.isNaN(ms)) assertEquals(ms, parse(text));
      }),
      { numRuns: RUNS },
    );
  });
}

Deno.test("today's times are read from bytes in every unit", () => {
  for (const [unit, text] of [["s", "1704205800"], ["ms", "1704205800123"], ["us", "1704205800123456"]] as const) {
    assertEquals(createTimeReader(unit)(...embed(text, ",", ",")), timeParser(unit)(text));
  }
  assertEquals(createTimeReader("ns")(...embed("1704205800123456999", ",", ",")), 1704205800123.456);
});

Deno.test("interned texts have one code each, in any number, and each is decoded once", () => {
  const codes = new Map<string, number>();
  const codeOf = createInterner((text) => {
    assertEquals(codes.has(text), false);
    codes.set(text, codes.size);
    return codes.size - 1;
  });
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "ü", "𝄞", "\0"), maxLength: 300 }));
  const all: string[] = Array.from({ length: 5000 }, (_, at) => `S${at % 1000}`);
  fc.assert(fc.property(texts, (more) => void all.push(...more)));
  for (const text of [...all, ...all].filter((text) => encoder.encode(text).length <= 256)) {
    assertEquals(codeOf(...embed(text, "x", "y")), codes.get(text));
  }
});

Deno.test("an interner that has met too many texts forgets them, and asks for their codes again", () => {
  let asked = 0;
  const codeOf = createInterner((text) => {
    asked++;
    return Number(text);
  });
  const distinct = 140_000;
  for (let at = 0; at < distinct; at++) assertEquals(codeOf(...embed(String(at), "", "")), at);
  assertEquals(asked, distinct);
  assertEquals(codeOf(...embed("0", "", "")), 0);
  assertEquals(asked, distinct + 1);
  assertEquals(codeOf(...embed("0", "", "")), 0);
  assertEquals(asked, distinct + 1);
});

/** Fields of a line as RFC 4180 has them, plainly; `undefined` where a quote is not closed. */
function splitPlainly(line: string): string[] | undefined {
  const fields: string[] = [];
  let rest = line;
  while (true) {
    const [quoted] = /^"(?:[^"]|"")*"(?!")/.exec(rest) ?? [""];
    if (quoted === "" && rest.startsWith('"')) return undefined;
    const after = rest.slice(quoted.length);
    const [plain] = /^[^;]*/.exec(after)!;
    fields.push(quoted.slice(1, -1).replaceAll('""', '"') + plain);
    if (plain.length === after.length) return fields;
    rest = after.slice(plain.length + 1);
  }
}

Deno.test("lines are split into the fields that they have, with quotes, CR LF and fields beyond those noted", () => {
  const width = 5;
  const row = createRowScanner({ delimiter: ";".charCodeAt(0), quote: '"'.charCodeAt(0), width });
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const text = fc.string({ unit: fc.constantFrom("a", "1", "ü", ";", ";", '"', " ", "\r", "\n", ",") });
  fc.assert(
    fc.property(text, surroundings, (content, before) => {
      const lines = content.split("\n");
      const [bytes, from] = embed(content, before, "");
      let at = from;
      for (const [number, line] of lines.entries()) {
        if (number === lines.length - 1 && line === "") break;
        const start = at;
        at = row.scan(bytes, at, bytes.length);
        const shown = line.replace(/\r$/, "");
        assertEquals(decoder.decode(bytes.subarray(start, row.lineEnd)), shown);
        const expected = splitPlainly(shown);
        assertEquals(row.count, expected?.length ?? -1);
        const found = Array.from(
          { length: Math.max(0, Math.min(row.count, width)) },
          (_, field) => decoder.decode(row.bytes.subarray(row.starts[field], row.ends[field])),
        );
        assertEquals(found, expected?.slice(0, width) ?? []);
      }
      assertEquals(at, bytes.length);
    }),
    { numRuns: RUNS },
  );
});

const json = fc.oneof(
  fc.json({ maxDepth: 1 }),
  fc.dictionary(
    fc.constantFrom("symbol", "ticker", "s", "open", "o", "x", "ü"),
    fc.oneof(fc.double(), fc.string(), fc.constantFrom(null, true), fc.integer()),
  ).map((object) => JSON.stringify(object)),
  fc.array(
    fc.constantFrom("{", "}", ":", ",", '"', '"symbol"', '"o":', "-1", "01", "1.5e+3", ".5", "null", " ", "\\", "é"),
  )
    .map((parts) => parts.join("")),
  fc.array(
    fc.tuple(
      fc.constantFrom("symbol", "ticker", "open", "o", "x"),
      fc.constantFrom(":", " :\t"),
      fc.constantFrom(
        '"a"',
        '"ü"',
        "1",
        "-0.5e2",
        "null",
        '""',
        "1e400",
        "01",
        "1.",
        "+1",
        "1 ",
        "[1]",
        '"\\n"',
        "true",
      ),
    ).map(([key, colon, value]) => `"${key}"${colon}${value}`),
  ).map((members) => `{${members.join(",")}}`),
);

Deno.test("a JSON object is scanned in bytes to the values of its fields, or left to JSON.parse", () => {
  const names = [["symbol", "ticker", "s"], ["open", "o"]];
  const keys = names.flatMap((each, slot) => each.map((name, rank) => ({ name, slot, rank })));
  const scanner = createObjectScanner(keys, names.length);
  let count = 0;
  fc.assert(
    fc.property(json, surroundings, surroundings, (text, before, after) => {
      const [bytes, from, to] = embed(text, before, after);
      if (!scanner.scan(bytes, from, to)) return;
      count++;
      const object = JSON.parse(text);
      for (const [slot, [name, ...aliases]] of names.entries()) {
        const expected = [name, ...aliases].map((key) => object[key]).find((value) => value !== undefined) ?? "";
        const found = new TextDecoder().decode(bytes.subarray(scanner.starts[slot], scanner.ends[slot]));
        const value = scanner.tokens[slot] === ABSENT ? "" : scanner.tokens[slot] === NUMBER ? Number(found) : found;
        assertEquals(value, expected);
      }
    }),
    { numRuns: RUNS },
  );
  assertEquals(count > RUNS / 10, true);
});

Deno.test("an object of texts, numbers and null is not left to JSON.parse", () => {
  const scanner = createObjectScanner([{ name: "o", slot: 0, rank: 0 }], 1);
  const [bytes, from, to] = embed(' {"s":"München","o": -1.5e-3 ,"x":null}\r', "x", "y");
  assertEquals(scanner.scan(bytes, from, to), true);
  assertEquals(scanner.tokens[0], NUMBER);
});
