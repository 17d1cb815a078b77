import { assert, assertEquals, assertMatch } from "@std/assert";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { readHostile } from "../fuzz/files.ts";
import { csvFile } from "../support/bars.ts";
import { DBN_FILE } from "../support/containers.ts";
import { makeDirectory } from "../support/providers.ts";

const encoder = new TextEncoder();
const GIGABYTE = 2 ** 30;
/** Most memory that a hostile file may take, whatever it claims, in bytes. */
const MOST_MEMORY = 400 * 2 ** 20;

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Repeats bytes until there are about so many. */
const repeat = (bytes: Uint8Array, size: number) =>
  join(Array.from({ length: Math.ceil(size / bytes.length) }, () => bytes));

function withUint32(bytes: Uint8Array, at: number, value: number): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  new DataView(changed.buffer).setUint32(at, value, true);
  return changed;
}

const zeros = new Uint8Array(16 * 2 ** 20);
const csv = encoder.encode(csvFile(100));
const parquetEnd = (length: number) => withUint32(encoder.encode("PAR1xxxxxxxx\0\0\0\0PAR1"), 12, length);

/** Files, how far each is stretched with zeros, and the error that it must end in. */
const HOSTILE: Record<string, { content: Uint8Array; size?: number; says: RegExp }> = {
  "a gigabyte without a newline": { content: new Uint8Array(), size: GIGABYTE, says: /header lacks|is empty/ },
  "a gigabyte without a newline after a header": {
    content: encoder.encode("symbol,timeframe,ts,open,high,low,close,volume\n"),
    size: GIGABYTE,
    says: /line is too long/,
  },
  "a gzip of a gigabyte of zeros": {
    content: repeat(gzipSync(zeros), 16_000 * 64),
    says: /times its size|header lacks/,
  },
  "a zstd of a gigabyte of zeros": {
    content: repeat(zstdCompressSync(zeros), 40_000),
    says: /times its size|header lacks/,
  },
  // A frame of which the window has 2^41 bytes.
  "a zstd with an endless window": {
    content: Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 0xff, 0xff, 0xff, 0xff),
    says: /not valid zstd/,
  },
  "a DBN whose metadata claims 4 GB": { content: withUint32(DBN_FILE, 4, 0xffff_ffff), says: /too long to be DBN/ },
  "a DBN whose metadata claims more than there is": {
    content: withUint32(DBN_FILE, 4, 10_000),
    says: /incomplete DBN/,
  },
  "a DBN whose list of symbols claims 4 billion": {
    content: withUint32(DBN_FILE, 8 + 100 + 4, 0xffff_ffff),
    says: /list of its metadata is longer/,
  },
  "a Parquet whose footer claims 2 GB": { content: parquetEnd(0x7fff_ffff), says: /not valid Parquet/ },
  "a Parquet whose footer claims next to nothing": { content: parquetEnd(1), says: /not valid Parquet/ },
  "JSON that is nested without an end": {
    content: repeat(encoder.encode('{"a":'), 4 * 2 ** 20),
    says: /nested deeper|header lacks|has over/,
  },
  "JSON of one endless text": { content: encoder.encode('[["'), size: 64 * 2 ** 20, says: /has over/ },
};

for (const [name, { content, size, says }] of Object.entries(HOSTILE)) {
  Deno.test(`${name} ends in a clear error, in flat memory`, async () => {
    await using directory = await makeDirectory();
    const path = await directory.write("bars", content);
    if (size !== undefined) await Deno.truncate(path, size);
    const before = Deno.memoryUsage().rss;
    const { error, rejected } = await readHostile(path);
    assertMatch(error ?? rejected.join("\n"), says);
    assert(Deno.memoryUsage().rss - before < MOST_MEMORY, `${Deno.memoryUsage().rss - before} bytes more`);
  });
}

Deno.test("a gzip with garbage behind it gives its bars, or a clear error", async () => {
  await using directory = await makeDirectory();
  const packed = join([gzipSync(csv), encoder.encode("garbage that is no gzip")]);
  const { bars, error } = await readHostile(await directory.write("bars.csv.gz", packed));
  assert(bars === 100 || /not valid gzip/.test(error!), `${bars} ${error}`);
  assertEquals(error === undefined ? bars : 100, 100);
});
