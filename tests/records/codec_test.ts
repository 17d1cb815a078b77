import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  CODEC_VERSION,
  CodecError,
  decodeFrame,
  encodeFrame,
  type FrameContent,
  MAX_MESSAGE_RECORDS,
} from "../../src/records/codec.ts";
import { crc32c } from "../../src/records/crc32c.ts";
import type { Rejected } from "../../src/records/frame.ts";
import { bar as barKind } from "../../src/records/bar.ts";
import { columnsOf } from "../../src/records/build.ts";
import { defineKind } from "../../src/records/define_kind.ts";
import type { RecordKind } from "../../src/records/kind.ts";
import { recordKind } from "../../src/records/mod.ts";
import type { MarketRecord } from "../../src/records/record.ts";
import { createSeriesDictionary } from "../../src/records/series_dictionary.ts";
import { processorMs } from "../support/cpu.ts";
import { linesOf, makeBar, makeBars, recordsOf } from "../support/frames.ts";

const bar = recordKind("bar");

/** A kind with every type of field, required and optional. */
const every = defineKind({
  name: "every",
  table: "every",
  view: "everything",
  timeframe: "every",
  fields: [
    { name: "symbol", type: "symbol" },
    { name: "ts", type: "timestamptz" },
    { name: "text", type: "text" },
    { name: "number", type: "float8" },
    { name: "day", type: "date" },
    { name: "choice", type: "enum", values: { one: "1", two: "2" } },
    { name: "maybeText", type: "text", optional: true },
    { name: "maybeNumber", type: "float8", optional: true },
    { name: "maybeJson", type: "jsonb", optional: true, example: undefined as unknown },
    { name: "isSet", type: "flag", optional: true },
  ],
  key: ["ts", "text"],
  validate: () => undefined,
});

type Every = ReturnType<typeof every.row>;

/** The parts of such a record that differ. */
type Part = Partial<Every>;
const complete = (part: Part, at: number): Every => ({
  provider: "test",
  symbol: `S${at % 7}`,
  ts: at * 60_000,
  text: "",
  number: 0,
  day: "2024-02-29",
  choice: at % 3 === 0 ? "one" : "two",
  receivedAt: 1_700_000_000_000_000 + at * at,
  ...part,
});

// Few different texts and runs of numbers, as real columns have them, beside any at all.
const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "AAPL", "BRK B", "\ud800", "\u2028", "日本"));
const anyNumber = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, -0, Infinity, -Infinity, Number.MIN_VALUE));
const record: fc.Arbitrary<Part> = fc.record({
  text,
  number: fc.oneof(anyNumber, fc.constant(NaN)),
  maybeText: text,
  // An absent number and one that is none are the same.
  maybeNumber: anyNumber,
  maybeJson: fc.jsonValue().filter((value) => !JSON.stringify(value).includes("-0")),
  isSet: fc.constant(1 as const),
}, { requiredKeys: ["text", "number"] });
const ramps = fc.tuple(anyNumber, anyNumber, fc.nat({ max: 40 })).map(([first, step, count]) =>
  Array.from({ length: count }, (_, at): Part => ({
    number: first + step * at,
    ...(at % 3 === 0 ? {} : { maybeText: "x" }),
    ...(at % 2 === 0 || Number.isNaN(first + step * at) ? {} : { maybeNumber: first + step * at }),
  }))
);
const many = fc.integer({ min: 250, max: 700 }).map((count) =>
  Array.from({ length: count }, (_, at): Part => ({ text: `S${at}`, number: at * at, maybeNumber: 1, maybeJson: [at] }))
);
const rejected = fc.array(
  fc.record({ reason: text, item: fc.jsonValue().filter((value) => !JSON.stringify(value).includes("-0")) }),
  { maxLength: 3 },
);

/** The content of a frame of those records. */
function contentOf<R extends MarketRecord>(
  kind: RecordKind<R>,
  records: readonly R[],
  { lines, ...rest }: { rejected?: readonly Rejected[]; lines?: readonly number[]; source?: string } = {},
): FrameContent {
  const { columns } = columnsOf(kind, records, createSeriesDictionary());
  return {
    kind: kind.name,
    provider: "test",
    receivedAt: 1_700_000_000_000_001,
    columns: { ...columns, lines: lines && Uint32Array.from(lines) },
    rejected: [],
    ...rest,
  };
}

/** All that a frame says, its rows as records. */
function show({ columns, ...rest }: FrameContent, kind: RecordKind<Every> | RecordKind = bar) {
  const records = Array.from({ length: columns.count }, (_, at) => kind.row(columns, at));
  return { source: undefined, ...rest, records, lines: linesOf({ columns }) };
}

const bars = (count: number) => contentOf(barKind, makeBars(count));

/** Puts the checksum right again, so that what lies behind it is put to the test. */
function signed(message: Uint8Array): Uint8Array {
  new DataView(message.buffer, message.byteOffset).setUint32(4, crc32c(message, 8), true);
  return message;
}

Deno.test("the checksum is CRC-32C", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  // RFC 3720, B.4, and the check value of the algorithm's catalogue.
  assertEquals(crc32c(bytes("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(new Uint8Array(32).map((_, at) => at)), 0x46dd794e);
  assertEquals(crc32c(new Uint8Array(0)), 0);
  assertEquals(crc32c(bytes("..123456789."), 2, 11), 0xe3069283);
});

const findKind = () => every as unknown as RecordKind;

Deno.test("a frame comes back exactly as it was", () => {
  const shape = fc.tuple(fc.oneof(fc.array(record, { maxLength: 40 }), ramps, many), rejected, fc.boolean());
  fc.assert(
    fc.property(shape, ([parts, rejected, withLines]) => {
      const records = parts.map(complete);
      const lines = withLines ? records.map((_, at) => 2 + at * at) : undefined;
      const frame = contentOf(every, records, { rejected, lines });
      const read = decodeFrame(encodeFrame(frame, every as unknown as RecordKind), { findKind });
      assertEquals(show(read, every), show(frame, every));
      const found = show(read, every).records as Every[];
      assertEquals(found, records);
      // Equality of assertions does not tell -0 from 0.
      for (const [at, { number }] of found.entries()) assert(Object.is(number, records[at].number));
    }),
    { numRuns: 500 },
  );
});

Deno.test("bars come back as they were, and take little room", () => {
  const frame = bars(500);
  const message = encodeFrame(frame, bar);
  assertEquals(show(decodeFrame(message)), show(frame));
  assert(message.length < 500 * 20, `${message.length} bytes`);
  const alone = encodeFrame(bars(1), bar);
  assertEquals(show(decodeFrame(alone)), show(bars(1)));
  assert(alone.length < 420, `${alone.length} bytes`);
});

Deno.test("messages of one source share its series, and those of other sources do not", () => {
  const series = createSeriesDictionary();
  const message = encodeFrame(bars(3), bar);
  const [first, second] = [1, 2].map(() => decodeFrame(message, { series }).columns);
  assertEquals([first.series, second.series, series.keys.length], [series, series, 1]);
  assertEquals(decodeFrame(message).columns.series === series, false);
});

Deno.test("a frame without records is one too", () => {
  const frame = contentOf(barKind, [], {
    ...{ rejected: [{ reason: "bad", item: "x", line: 3 }], source: "a.csv", lines: [] },
  });
  assertEquals(show(decodeFrame(encodeFrame(frame, bar))), show(frame));
});

Deno.test("rows beyond those of a frame, for which there was room, are left out", () => {
  const { columns, ...rest } = contentOf(barKind, makeBars(4), { lines: [5, 6, 9, 10] });
  const frame = { ...rest, columns: { ...columns, count: 2 } };
  assertEquals(show(decodeFrame(encodeFrame(frame, bar))), show(contentOf(barKind, makeBars(2), { lines: [5, 6] })));
});

Deno.test("a message within a larger buffer is read", () => {
  const message = encodeFrame(bars(3), bar);
  const larger = new Uint8Array(message.length + 20);
  larger.set(message, 7);
  assertEquals(show(decodeFrame(larger.subarray(7, 7 + message.length))), show(bars(3)));
});

Deno.test("a record that no provider should make is kept as rejected, and the others unchanged", () => {
  const records = [
    makeBar({}, 0),
    makeBar({ symbol: 5 as never }, 1),
    makeBar({ open: undefined as never }, 2),
    makeBar({ vwap: NaN }, 3),
    makeBar({ status: "done" as never }, 4),
    makeBar({}, 5),
  ];
  const { columns, rejected } = columnsOf(barKind, records, createSeriesDictionary());
  assertEquals(recordsOf(columns).map(({ ts }) => ts), [records[0].ts, records[5].ts]);
  assertEquals(rejected.map(({ reason }) => reason), [
    "symbol is not text: 5",
    "open is not number: undefined",
    "vwap is not a finite number: NaN",
    'status is not known: "done"',
  ]);
  assertEquals((rejected[0].item as { ts: number }).ts, records[1].ts);
});

Deno.test("a newer version is refused with advice, and its remaining bytes are ignored", () => {
  const message = encodeFrame(bars(1), bar);
  message[3] = CODEC_VERSION + 1;
  const { message: sentence } = assertThrows(() => decodeFrame(message), CodecError);
  assertStringIncludes(
    sentence,
    `it is of version ${CODEC_VERSION + 1}, and this program reads up to ${CODEC_VERSION}`,
  );
});

Deno.test("fields of a newer kind are left out, and optional ones of an older kind are absent", () => {
  const without = (name: string) => ({
    ...bar,
    wire: bar.wire.map((field) => field.name === name ? { ...field, name: "x" } : field),
  });
  const frame = contentOf(barKind, makeBars(2).map((bar) => ({ ...bar, vwap: 5 })));
  const read = decodeFrame(encodeFrame(frame, without("vwap")));
  assertEquals(recordsOf(read), makeBars(2));
  const { message } = assertThrows(() => decodeFrame(encodeFrame(frame, without("close"))), CodecError);
  assertStringIncludes(message, "field close is missing");
});

Deno.test("a text that is not among a field's values makes its row unsound, and no other", () => {
  const newer = {
    ...bar,
    wire: bar.wire.map((field) =>
      field.name === "status"
        ? { ...field, text: { ...field.text!, of: (cell: number) => cell === 0 ? "final" : "new" } }
        : field
    ),
  };
  const frame = contentOf(barKind, [makeBar({}, 0), makeBar({ status: "correction" }, 1)]);
  const { columns } = decodeFrame(encodeFrame(frame, newer));
  assertEquals(bar.findUnsound(columns, Date.now()), new Map([[1, "status is not known"]]));
});

Deno.test("too many records are refused by the writer, and a short message that claims them by the reader", () => {
  const frame = contentOf(barKind, Array(MAX_MESSAGE_RECORDS + 1).fill(makeBar()));
  assertThrows(() => encodeFrame(frame, bar), RangeError, "split it");
  const message = encodeFrame(bars(1), bar);
  const text = new TextDecoder("latin1").decode(message).replace('"count":1', '"count":9');
  assertThrows(() => decodeFrame(signed(Uint8Array.from(text, (character) => character.charCodeAt(0)))), CodecError);
});

Deno.test("no message with a part missing or changed is read", () => {
  const message = encodeFrame({ ...bars(40), rejected: [{ reason: "bad", item: { a: 1 } }] }, bar);
  for (let size = 0; size < message.length; size++) {
    assertThrows(() => decodeFrame(message.subarray(0, size)), CodecError);
  }
  const bit = fc.tuple(fc.nat({ max: message.length - 1 }), fc.nat({ max: 7 }));
  fc.assert(fc.property(fc.array(bit, { minLength: 1, maxLength: 3 }), (bits) => {
    const changed = message.slice();
    for (const [at, bit] of bits) changed[at] ^= 1 << bit;
    if (changed.every((byte, at) => byte === message[at])) return;
    assertThrows(() => decodeFrame(changed), CodecError);
  }));
  assertThrows(() => decodeFrame(new Uint8Array([...message, 0])), CodecError);
});

Deno.test("arbitrary bytes under a right checksum are read as a frame or refused, in little time", () => {
  const message = encodeFrame(
    contentOf(every, makeRecords(30), { rejected: [{ reason: "bad", item: 1 }] }),
    every as unknown as RecordKind,
  );
  const change = fc.tuple(fc.nat({ max: message.length - 9 }), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.nat({ max: message.length - 8 }), (changes, end) => {
      const changed = message.slice(0, 8 + end);
      for (const [at, byte] of changes) if (8 + at < changed.length) changed[8 + at] = byte;
      const started = processorMs();
      try {
        const { columns } = decodeFrame(signed(changed), { findKind });
        assert(columns.count <= MAX_MESSAGE_RECORDS);
      } catch (error) {
        assertInstanceOf(error, CodecError);
      }
      assert(processorMs() - started < 2000);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("random bytes are no message", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assertThrows(() => decodeFrame(bytes), CodecError);
    const begun = Uint8Array.from([0x42, 0x46, 0x52, CODEC_VERSION, 0, 0, 0, 0, ...bytes]);
    assertThrows(() => decodeFrame(signed(begun)), CodecError);
  }));
});

Deno.test("an unknown kind is refused", () => {
  const message = encodeFrame(contentOf(every, []), every as unknown as RecordKind);
  const { message: sentence } = assertThrows(() => decodeFrame(message), CodecError);
  assertStringIncludes(sentence, 'record kind "every"');
});

function makeRecords(count: number): Every[] {
  return makeBars(count).map(({ symbol, open }, at) =>
    complete({
      text: `${symbol}${at % 4}`,
      number: open + at * at,
      ...(at % 5 === 0 ? {} : { maybeText: "x" }),
      ...(at % 2 === 0 ? {} : { maybeNumber: at }),
      maybeJson: { at },
    }, at)
  );
}
