import { assertEquals, assertRejects } from "@std/assert";
import { zstdCompressSync } from "node:zlib";
import { jsonLines } from "../../src/files/container/json_rows.ts";
import { csvFile } from "../support/bars.ts";
import { DBN_FILE, zipOf } from "../support/containers.ts";
import { given, readBars } from "../support/formats.ts";
import { makeDirectory } from "../support/providers.ts";

const encoder = new TextEncoder();

async function read(name: string, content: Uint8Array, flags: Parameters<typeof given>[0] = {}) {
  await using directory = await makeDirectory();
  return await readBars(await directory.write(name, content), given(flags));
}

Deno.test("each member of a zip is read, with symbol and timeframe by its own name", async () => {
  const kline = (at: number) => encoder.encode(`${at},1,2,1,1.5,3,${at + 59_999},4,5,1,1,0\n`);
  const { bars } = await read(
    "klines.zip",
    zipOf({ "BTCUSDT-1m-2024-01.csv": kline(1704067200000), "in/ETHUSDT-1h-2024-01.csv": kline(1704067200000) }),
  );
  assertEquals(bars.map(({ symbol, timeframe }) => [symbol, timeframe]), [["BTCUSDT", "1m"], ["ETHUSDT", "1h"]]);
});

Deno.test("zstd is recognized by its first bytes, under any name", async () => {
  const { bars } = await read("bars.txt", new Uint8Array(zstdCompressSync(encoder.encode(csvFile(1000)))));
  assertEquals(bars.length, 1000);
});

const packed = new Uint8Array(zstdCompressSync(encoder.encode(csvFile(5000))));
const archive = zipOf({ "bars.csv": encoder.encode(csvFile(5000)) });
const broken: Record<string, [Uint8Array, string]> = {
  "a zstd that ends early": [packed.subarray(0, packed.length - 50), "or is incomplete"],
  "a zip that ends early": [archive.subarray(0, archive.length - 50), "or is incomplete"],
  "a Parquet that ends early": [encoder.encode("PAR1 and no more"), "not valid Parquet"],
  "an Arrow file that ends early": [encoder.encode("ARROW1 and no more"), "not valid Arrow"],
  "a DBN that ends early": [Uint8Array.of(68, 66, 78, 3, 200, 0, 0, 0, 1), "incomplete DBN"],
  "a JSON document that ends early": [encoder.encode("[[1,2,3,4,5,6],[1,2"), "incomplete JSON document"],
};
for (const [name, [content, says]] of Object.entries(broken)) {
  Deno.test(`${name} ends in a clear error`, async () => {
    await assertRejects(() => read("bars", content), Error, says);
  });
}

Deno.test("a zip bomb is left before it fills memory or disk", async () => {
  // A line of bars, over and over, shrinks to next to nothing.
  const line = encoder.encode("A,1m,2024-01-02T14:30:00Z,1,1,1,1,1\n".repeat(30_000));
  const { unpack } = await import("../../src/files/container/unpack.ts");
  const bomb = new Uint8Array(zstdCompressSync(line));
  async function* packedOften() {
    for (let times = 0; times < 2000; times++) yield bomb;
  }
  let most = 0;
  await assertRejects(
    async () => {
      for await (const chunk of unpack(packedOften(), "zstd")) most += chunk.length;
    },
    RangeError,
    "times its size",
  );
  assertEquals(most < 400 * 1024 * 1024, true);
});

Deno.test("JSON rows are found under their key, with the keys of a mapping as symbols, however the bytes come", async () => {
  const text = '{"note":"[{\\"x\\":1}]","bars":{"A":[{"t":"x]}","o":1}],"B":[{"o":2}]},"next":null}';
  async function* letters() {
    for (const byte of encoder.encode(text)) yield Uint8Array.of(byte);
  }
  const lines: string[] = [];
  for await (const line of jsonLines(letters(), "bars")) lines.push(new TextDecoder().decode(line));
  assertEquals(lines, ['{"symbol":"A","t":"x]}","o":1}\n', '{"symbol":"B","o":2}\n']);
});

Deno.test("DBN gives its bars, with symbols from its metadata", async () => {
  const { bars } = await read("bars.dbn", DBN_FILE);
  const [{ symbol, timeframe, ts, open, high, low, close, volume }] = bars;
  assertEquals([symbol, timeframe, ts], ["AAPL", "1m", Date.UTC(2024, 0, 2, 14, 30)]);
  assertEquals([open, high, low, close, volume], [187.15, 187.5, 187, 187.3, 12345]);
});
