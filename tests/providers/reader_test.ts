import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Block, readBlocks } from "../../src/providers/replay/lines.ts";
import { createFramer } from "../../src/providers/replay/framer.ts";
import { createCsvReader } from "../../src/providers/replay/csv.ts";
import type { LineTarget } from "../../src/providers/replay/line.ts";
import { createNdjsonReader } from "../../src/providers/replay/ndjson.ts";
import { readFields } from "../../src/providers/replay/values.ts";
import { createColumns } from "../../src/records/columns.ts";
import type { RecordKind } from "../../src/records/kind.ts";
import { recordKind } from "../../src/records/mod.ts";
import { createSeriesDictionary } from "../../src/records/series_dictionary.ts";
import { describeTimeUnit, TIME_UNITS, timeParser, type TimeUnit } from "../../src/records/time.ts";

/** What a file holds: its rows with their lines, and what is refused. */
interface Contents {
  readonly rows: Record<string, unknown>[];
  readonly refused: { line?: number; reason: string; item: unknown }[];
}

function targetOf(name: string, timeUnit: TimeUnit): LineTarget {
  const context = {
    provider: "replay",
    timeframe: "1m",
    parseTime: timeParser(timeUnit),
    timeFormat: describeTimeUnit(timeUnit),
  };
  return { kind: recordKind(name), context, timeUnit };
}

/** Reads the text through the reader, in chunks of these sizes. */
async function readAll(
  text: string,
  target: LineTarget,
  sizes: readonly number[],
  delimiter?: string,
): Promise<Contents> {
  const { kind } = target;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length];
      yield bytes.slice(at, at + size);
      at += size;
    }
  }
  const framer = createFramer({
    source: "file",
    kind,
    provider: "replay",
    reader: delimiter === undefined
      ? createNdjsonReader(target)
      : createCsvReader(text.slice(0, text.search(/\r?\n/)), delimiter, target),
    headerLines: delimiter === undefined ? 0 : 1,
    clock: () => 0,
    track: () => undefined,
  });
  const found: Contents = { rows: [], refused: [] };
  for await (const block of readBlocks(chunks(), 0)) {
    for (const { columns, rejected } of framer.frames(block as Block, Infinity)) {
      for (let at = 0; at < columns.count; at++) found.rows.push(rowOf(kind, columns, at, columns.lines![at]));
      found.refused.push(...rejected.map(({ line, reason, item }) => ({ line, reason, item })));
    }
  }
  return found;
}

function rowOf(kind: RecordKind, columns: Parameters<RecordKind["row"]>[0], at: number, line: number) {
  const { receivedAt: _, ...row } = kind.row(columns, at) as unknown as Record<string, unknown>;
  return { ...row, line };
}

/** Reads lines one by one from their text: what `values` gives of each is read by the kind alone. */
function readPlainly(
  lines: readonly string[],
  { kind, context }: LineTarget,
  values: (line: string) => { values: unknown[]; item: unknown } | { reason: string; item: unknown },
  first: number,
): Contents {
  const found: Contents = { rows: [], refused: [] };
  for (const [at, line] of lines.entries()) {
    if (line === "") continue;
    const given = values(line);
    const columns = createColumns(kind, 1, createSeriesDictionary());
    const reason = "reason" in given ? given.reason : kind.read(given.values, columns, 0, context);
    if (reason === undefined) found.rows.push(rowOf(kind, columns, 0, first + at));
    else found.refused.push({ line: first + at, reason, item: given.item });
  }
  return found;
}

const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 });
const symbol = fc.constantFrom("AAPL", "MÜNCHEN€𝄞", "BRK B", "", "\uFEFFX", "1");
const number = fc.oneof(
  fc.double({ noNaN: true }).map(String),
  fc.constantFrom(
    "1",
    "100.25",
    "-0",
    "+5",
    " 7 ",
    "1e3",
    "100.10000000000000142",
    "",
    "x",
    "1,5",
    "NaN",
    ".",
    "1e999",
  ),
);
const times: Record<TimeUnit, readonly string[]> = {
  iso: ["2024-01-02T14:30:00Z", "2024-01-02 14:30:00.123456+05:30", " 2024-01-02T14:30Z ", "2024-02-30T00:00:00Z", "1"],
  s: ["1704205800", "1704205800.5", "-1", "", "x"],
  ms: ["1704205800000", "1.7e12", " 5"],
  us: ["1704205800000001", "1704205800000001.5"],
  ns: ["1704205800000001999", "170420580000000", "-1704205800000001999", "12345678901234567890"],
};
const others: Record<string, readonly string[]> = {
  timeframe: ["1m", "", "1d", "bogus", "1h"],
  status: ["final", "", "correction", "bogus"],
  fromHistory: ["", "1", "0", "x"],
  underlying: ["SPY", ""],
  expiry: ["2024-01-19", "20240119", "never"],
  type: ["C", "put", "x", ""],
  period: ["2024Q1", ""],
  items: ['{"a":1}', "", "{", "[1]"],
  id: ["7", ""],
  headline: ["Up", 'He said "no"', ""],
};

/** A text for each field of the kind, in a random order of some of them. */
function cells(kind: RecordKind, unit: TimeUnit): fc.Arbitrary<{ names: string[]; rows: string[][] }> {
  const pool = ({ name, type }: RecordKind["fields"][number]): fc.Arbitrary<string> =>
    name === "symbol"
      ? symbol
      : name === "ts"
      ? fc.constantFrom(...times[unit], ...times.iso)
      : others[name] !== undefined
      ? fc.constantFrom(...others[name])
      : type === "text"
      ? fc.string({ maxLength: 5 }).map((text) => text.replace(/[\r\n]/g, ""))
      : number;
  const all = [...kind.fields.keys()];
  const needed = all.filter((at) => kind.fields[at].isNeeded);
  return fc.tuple(fc.shuffledSubarray(all), fc.nat(2)).chain(([some, aliases]) => {
    const chosen = [...new Set([...some, ...needed])];
    const names = chosen.map((at) =>
      [kind.fields[at].name, ...kind.fields[at].aliases].at(aliases) ?? kind.fields[at].name
    );
    return fc.record({
      names: fc.constant(names),
      rows: fc.array(fc.tuple(...chosen.map((at) => pool(kind.fields[at]))), { minLength: 1, maxLength: 6 }),
    });
  });
}

const slotOf = (kind: RecordKind, names: readonly string[]) =>
  kind.fields.map(({ name, aliases }) =>
    names.includes(name) ? names.indexOf(name) : names.findIndex((each) => aliases.includes(each))
  );

for (const name of ["bar", "option", "fundamental", "news"]) {
  const kind = recordKind(name);
  Deno.test(`CSV of the kind ${name} is read from bytes as from the text of its fields`, async () => {
    const cases = fc.constantFrom(...TIME_UNITS).chain((unit) =>
      fc.tuple(
        fc.constant(unit),
        cells(kind, unit),
        fc.constantFrom(",", ";", "\t"),
        fc.constantFrom("\n", "\r\n"),
        sizes,
      )
    );
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(3), async ([unit, { names, rows }, delimiter, newline, chunks], odd) => {
        const target = targetOf(name, unit);
        const write = (cell: string) =>
          /["]|^\s/.test(cell) || cell.includes(delimiter) || odd === 1 ? `"${cell.replaceAll('"', '""')}"` : cell;
        const lines = rows.map((row) => row.map(write).join(delimiter));
        if (odd === 2) lines.push("", `x${delimiter}y`);
        const text = [names.join(delimiter), ...lines].join(newline) + (odd === 3 ? "" : newline);
        const slots = slotOf(kind, names);
        const expected = readPlainly(lines, target, (line) => {
          const row = rows[lines.indexOf(line)];
          if (row === undefined) {
            return {
              reason: `line has not as many fields as the header: 2, not ${names.length}`,
              item: { raw: line },
            };
          }
          const values = slots.map((slot) => row[slot]);
          const item = Object.fromEntries(
            kind.fields.map(({ name }, at) => [name, values[at]]).filter(([, value]) => value !== undefined),
          );
          return { values, item };
        }, 2);
        assertEquals(await readAll(text, target, chunks, delimiter), expected);
      }),
      { numRuns: 150 },
    );
  });

  Deno.test(`NDJSON of the kind ${name} is read from bytes as from its values`, async () => {
    const value = (text: string): fc.Arbitrary<unknown> =>
      fc.constantFrom<unknown>(text, text, text, Number(text), null, true, [1]);
    const cases = fc.constantFrom(...TIME_UNITS).chain((unit) => fc.tuple(fc.constant(unit), cells(kind, unit), sizes))
      .chain(([unit, { names, rows }, chunks]) =>
        fc.tuple(
          fc.constant(unit),
          fc.tuple(...rows.map((row) => fc.tuple(...row.map(value)))),
          fc.constant(names),
          fc.constant(chunks),
        )
      );
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ([unit, rows, names, chunks], isSpaced) => {
        const target = targetOf(name, unit);
        const lines = rows.map((row) =>
          JSON.stringify(Object.fromEntries(names.map((name, at) => [name, row[at]])), null, isSpaced ? " " : "")
            .replaceAll("\n", "")
        );
        lines.push("not an object", "[1]");
        const expected = readPlainly(lines, target, (line) => {
          if (!line.startsWith("{")) return { reason: "line is not a JSON object", item: { raw: line } };
          const object = JSON.parse(line);
          const values: unknown[] = [];
          readFields(object, kind.fields, values);
          return { values, item: object };
        }, 1);
        assertEquals(await readAll(lines.join("\n"), target, chunks), expected);
      }),
      { numRuns: 150 },
    );
  });
}
