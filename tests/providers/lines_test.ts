import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MAX_LINE_BYTES, readBlocks } from "../../src/providers/replay/lines.ts";

/** The text cut into chunks of these sizes, and then of the last of them, in one buffer that is used again and again. */
async function* chunked(text: string, sizes: number[]): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const buffer = new Uint8Array(Math.max(...sizes));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const chunk = bytes.subarray(at, at + sizes[Math.min(turn, sizes.length - 1)]);
    buffer.set(chunk);
    yield buffer.subarray(0, chunk.length);
    at += chunk.length;
  }
}

async function read(chunks: AsyncIterable<Uint8Array>, offset = 0) {
  const blocks: { text: string; offset: number; tooLong?: number }[] = [];
  for await (const { data, offset: at, tooLong } of readBlocks(chunks, offset)) {
    blocks.push({ text: new TextDecoder().decode(data), offset: at, tooLong });
  }
  return blocks;
}

Deno.test("blocks hold whole lines and all bytes, however the bytes come", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "ü", "€", "𝄞", ",", "\n", "\r") });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (content, sizes) => {
      const blocks = await read(chunked(content, sizes));
      assertEquals(blocks.map((block) => block.text).join(""), content);
      for (const block of blocks.slice(0, -1)) assertEquals(block.text.at(-1), "\n");
      let offset = 0;
      for (const block of blocks) {
        assertEquals(block.offset, offset);
        offset += new TextEncoder().encode(block.text).length;
      }
    }),
  );
});

Deno.test("the beginning and the length of a line that is too long are kept, and the next line is whole", async () => {
  const long = "x".repeat(MAX_LINE_BYTES + 70_000);
  const blocks = await read(chunked(`first\n${long}\nlast\n`, [64 * 1024]), 100);
  assertEquals(blocks.map(({ text, offset, tooLong }) => [text.slice(0, 6), offset, tooLong]), [
    ["first\n", 100, undefined],
    ["xxxxxx", 106, long.length + 1],
    ["last\n", 106 + long.length + 1, undefined],
  ]);
});

Deno.test("a line that is too long may be the last, without newline", async () => {
  const long = "x".repeat(2 * MAX_LINE_BYTES);
  const [block] = await read(chunked(long, [64 * 1024]));
  assertEquals([block.text, block.tooLong], ["x".repeat(200), long.length]);
});

Deno.test("a gigabyte without a newline is one line that is too long, in flat memory", async () => {
  const chunk = new Uint8Array(256 * 1024).fill("x".charCodeAt(0));
  const count = 4096;
  let peak = 0;
  async function* chunks() {
    for (let at = 0; at < count; at++) {
      if (at % 512 === 0) peak = Math.max(peak, Deno.memoryUsage().rss);
      yield chunk;
    }
  }
  const before = Deno.memoryUsage().rss;
  const blocks: (number | undefined)[] = [];
  for await (const { tooLong } of readBlocks(chunks(), 0)) blocks.push(tooLong);
  assertEquals(blocks, [count * chunk.length]);
  assert(peak - before < 64 * 2 ** 20, `grew by ${peak - before} bytes`);
});
