import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CODEC_VERSION, CodecError, decodeFrame, encodeFrame, MAX_MESSAGE_RECORDS } from "../../src/records/codec.ts";
import { crc32c } from "../../src/records/crc32c.ts";
import type { Rejected } from "../../src/records/frame.ts";
import { recordKind } from "../../src/records/mod.ts";
import type { MarketRecord, RecordKind } from "../../src/records/record.ts";
import { processorMs } from "../support/cpu.ts";
import { makeBar, makeBars, makeFrame } from "../support/frames.ts";

const bar = recordKind("bar");

/** A kind with every type of field, required and optional. */
const every = {
  name: "every",
  wire: {
    fields: [
      { name: "text", type: "text", value: (record: Every) => record.text },
      {
        name: "number",
        type: "number",
        put: (record: Every, into: Float64Array, at: number) => into[at] = record.number,
      },
      { name: "maybeText", type: "text", optional: true, value: (record: Every) => record.maybeText },
      {
        name: "maybeNumber",
        type: "number",
        optional: true,
        put: (record: Every, into: Float64Array, at: number) => into[at] = record.maybeNumber ?? NaN,
      },
      { name: "maybeJson", type: "json", optional: true, value: (record: Every) => record.maybeJson },
    ],
    reader: ([text, number, maybeText, maybeNumber, maybeJson]: ArrayLike<unknown>[]) => (at: number) => ({
      text: text[at],
      number: number[at],
      maybeText: maybeText[at],
      maybeNumber: maybeNumber[at],
      maybeJson: maybeJson[at],
    }),
  },
} as unknown as RecordKind<MarketRecord>;

interface Every {
  text: string;
  number: number;
  maybeText: string | undefined;
  maybeNumber: number | undefined;
  maybeJson: unknown;
}

// Few different texts and runs of numbers, as real columns have them, beside any at all.
const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "AAPL", "BRK B", "\ud800", "\u2028", "日本"));
const number = fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity, Number.MIN_VALUE));
const record = fc.record({
  text,
  number,
  maybeText: fc.option(text, { nil: undefined }),
  maybeNumber: fc.option(number, { nil: undefined }),
  maybeJson: fc.option(fc.jsonValue().filter((value) => !JSON.stringify(value).includes("-0")), { nil: undefined }),
});
const ramps = fc.tuple(number, number, fc.nat({ max: 40 })).map(([first, step, count]) =>
  Array.from({ length: count }, (_, at): Every => ({
    text: "",
    number: first + step * at,
    maybeText: at % 3 === 0 ? undefined : "x",
    maybeNumber: at % 2 === 0 ? undefined : first + step * at,
    maybeJson: undefined,
  }))
);
const many = fc.integer({ min: 250, max: 700 }).map((count) =>
  Array.from(
    { length: count },
    (_, at): Every => ({ text: `S${at}`, number: at * at, maybeText: undefined, maybeNumber: 1, maybeJson: [at] }),
  )
);
const rejected = fc.array(
  fc.record({ reason: text, item: fc.jsonValue().filter((value) => !JSON.stringify(value).includes("-0")) }),
  { maxLength: 3 },
);

/** The frame of those records, as its reader must give it. */
function frameOf(records: readonly unknown[], rest: { rejected?: readonly Rejected[]; lines?: number[] } = {}) {
  return {
    kind: "every",
    provider: "test",
    receivedAt: 1_700_000_000_000_001,
    records: records as MarketRecord[],
    rejected: [],
    source: undefined,
    lines: undefined,
    ...rest,
  };
}

/** A frame of bars without its settlement, with every field of each bar spelled out. */
function contentOf(count: number) {
  const { ack: _, ...frame } = makeFrame(count);
  const records = frame.records.map((bar) => ({ ...bar, vwap: undefined, trades: undefined }));
  return { ...frame, records, source: undefined, lines: undefined };
}

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

Deno.test("a frame comes back exactly as it was", () => {
  const shape = fc.tuple(fc.oneof(fc.array(record, { maxLength: 40 }), ramps, many), rejected, fc.boolean());
  fc.assert(
    fc.property(shape, ([records, rejected, withLines]) => {
      const frame = frameOf(records, { rejected, lines: withLines ? records.map((_, at) => 2 + at * at) : undefined });
      const read = decodeFrame(encodeFrame(frame, every), () => every);
      assertEquals(read, frame);
      // Equality of assertions does not tell -0 from 0.
      for (const [at, { number }] of (read.records as unknown as Every[]).entries()) {
        assert(Object.is(number, records[at].number));
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("bars come back as they were, and take little room", () => {
  const frame = contentOf(500);
  const message = encodeFrame(frame, bar);
  assertEquals(decodeFrame(message), frame);
  assert(message.length < 500 * 20, `${message.length} bytes`);
  const alone = encodeFrame(contentOf(1), bar);
  assertEquals(decodeFrame(alone), contentOf(1));
  assert(alone.length < 420, `${alone.length} bytes`);
});

Deno.test("a frame without records is one too", () => {
  const frame = { ...contentOf(0), rejected: [{ reason: "bad", item: "x", line: 3 }], source: "a.csv", lines: [] };
  assertEquals(decodeFrame(encodeFrame(frame, bar)), frame);
});

Deno.test("lines beyond the records of a frame that was cut are left out", () => {
  const frame = { ...contentOf(2), lines: [5, 6, 9, 10] };
  assertEquals(decodeFrame(encodeFrame(frame, bar)), { ...frame, lines: [5, 6] });
});

Deno.test("a message within a larger buffer is read", () => {
  const message = encodeFrame(contentOf(3), bar);
  const larger = new Uint8Array(message.length + 20);
  larger.set(message, 7);
  assertEquals(decodeFrame(larger.subarray(7, 7 + message.length)), contentOf(3));
});

Deno.test("a record that no provider should make is kept as rejected, and the others as they are", () => {
  const records = [
    makeBar({}, 0),
    makeBar({ symbol: 5 as never }, 1),
    makeBar({ open: undefined as never }, 2),
    makeBar({}, 3),
  ];
  const read = decodeFrame(encodeFrame({ ...makeFrame(records), lines: [1, 2, 3, 4] }, bar));
  assertEquals(read.records.map(({ ts }) => ts), [records[0].ts, records[3].ts]);
  assertEquals(read.lines, [1, 4]);
  assertEquals(read.rejected.map(({ reason, line }) => [reason, line]), [
    ["symbol is not text: 5", 2],
    ["open is not number: undefined", 3],
  ]);
  assertEquals((read.rejected[0].item as { ts: number }).ts, records[1].ts);
});

Deno.test("a newer version is refused with what to do, whatever follows", () => {
  const message = encodeFrame(contentOf(1), bar);
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
    wire: {
      ...bar.wire,
      fields: bar.wire.fields.map((field) => field.name === name ? { ...field, name: "x" } : field),
    },
  });
  const frame = contentOf(2);
  const records = frame.records.map((bar) => ({ ...bar, vwap: 5 }));
  const read = decodeFrame(encodeFrame({ ...frame, records }, without("vwap")));
  assertEquals(read.records, frame.records);
  const { message } = assertThrows(() => decodeFrame(encodeFrame(frame, without("close"))), CodecError);
  assertStringIncludes(message, "field close is missing");
});

Deno.test("too many records are refused by the writer, and a short message that claims them by the reader", () => {
  const frame = { ...contentOf(0), records: Array(MAX_MESSAGE_RECORDS + 1).fill(makeBar()) };
  assertThrows(() => encodeFrame(frame, bar), RangeError, "split it");
  const message = encodeFrame(contentOf(1), bar);
  const text = new TextDecoder("latin1").decode(message).replace('"count":1', '"count":9');
  assertThrows(() => decodeFrame(signed(Uint8Array.from(text, (character) => character.charCodeAt(0)))), CodecError);
});

Deno.test("no message with a part missing or changed is read", () => {
  const message = encodeFrame({ ...contentOf(40), rejected: [{ reason: "bad", item: { a: 1 } }] }, bar);
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

Deno.test("whatever is written under a right checksum is read as some frame or refused, in little time", () => {
  const message = encodeFrame({ ...frameOf(makeRecords(30)), rejected: [{ reason: "bad", item: 1 }] }, every);
  const change = fc.tuple(fc.nat({ max: message.length - 9 }), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.nat({ max: message.length - 8 }), (changes, end) => {
      const changed = message.slice(0, 8 + end);
      for (const [at, byte] of changes) if (8 + at < changed.length) changed[8 + at] = byte;
      const started = processorMs();
      try {
        const { records } = decodeFrame(signed(changed), () => every);
        assert(records.length <= MAX_MESSAGE_RECORDS);
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

Deno.test("a kind that is not known is refused", () => {
  const message = encodeFrame(frameOf([]), every);
  const { message: sentence } = assertThrows(() => decodeFrame(message), CodecError);
  assertStringIncludes(sentence, 'record kind "every"');
});

function makeRecords(count: number): Every[] {
  return makeBars(count).map(({ symbol, open }, at) => ({
    text: `${symbol}${at % 4}`,
    number: open + at * at,
    maybeText: at % 5 === 0 ? undefined : "x",
    maybeNumber: at % 2 === 0 ? undefined : at,
    maybeJson: { at },
  }));
}
