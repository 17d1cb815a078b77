import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { journalDirectory } from "../../src/journal/format.ts";
import { openLog } from "../../src/journal/log.ts";
import { encodeFrame } from "../../src/records/codec.ts";
import { recordKind } from "../../src/records/mod.ts";
import type { News } from "../../src/records/news.ts";
import { frameOf, makeBars, makeFrame, OPENING } from "../support/frames.ts";
import { itemOf } from "../support/journal.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();
const NEWS = ["--provider", "mock", "--kind", "news", "--speed", "max", "--limit", "20"];

/** Leaves entries in the journal as an earlier run does. */
async function leave(work: Workspace, items: readonly { message: Uint8Array; records: number }[]): Promise<void> {
  await using log = await openLog({
    directory: journalDirectory(work.dataDir),
    maxBytes: 1 << 20,
    warn: (message) => assertEquals(message, ""),
    onLost: (records) => assertEquals(records, 0),
  });
  await log.append(items, () => false);
}

/** The message of that many news. */
function newsItem(count: number) {
  const kind = recordKind("news");
  const records = Array.from(
    { length: count },
    (_, at): News => ({ provider: "test", symbol: "AAPL", ts: OPENING, id: `${at}`, headline: "News", receivedAt: at }),
  );
  const frame = frameOf({ kind: "news", provider: "test", receivedAt: 0, records });
  return { message: encodeFrame(frame, kind), records: count };
}

/** The message of bars that a program wrote which called them otherwise. */
function unknownItem() {
  const kind = { ...recordKind("bar"), name: "candle" };
  return { message: encodeFrame(makeFrame(makeBars(3), { kind: "candle" }), kind), records: 3 };
}

Deno.test("a run delivers the records of all kinds in the journal, also of kinds that it does not stream", async () => {
  await using work = await openWorkspace(server);
  await leave(work, [itemOf(0, 20), itemOf(20, 10)]);
  const { code, json } = await work.ingest(NEWS);
  assertEquals([code, json.received, json.stored, json.journaled, json.dropped], [0, 50, 50, 0, undefined]);
  assertEquals(await work.count(), 30);
});

Deno.test("an entry that cannot be read fails the run and is kept, and a run that can read it delivers it", async () => {
  await using work = await openWorkspace(server);
  await leave(work, [unknownItem(), itemOf(0, 5)]);
  const first = await work.ingest(NEWS);
  assertEquals([first.code, first.json.received, first.json.stored, first.json.dropped], [4, 28, 25, 3]);
  assertStringIncludes(first.stderr, "1.entry");
  // As if this program had learnt to read it: the same bars under the name that it knows.
  const path = join(journalDirectory(work.dataDir), "1.entry");
  const { message } = itemOf(100, 3);
  await Deno.writeFile(path, message);
  const second = await work.ingest(NEWS);
  assertEquals([second.code, second.json.received, second.json.dropped], [0, 23, undefined]);
  assertEquals(await work.count(), 8);
  assertEquals(await Deno.stat(path).catch((error) => error.name), "NotFound");
});

Deno.test("the journals of all kinds are inspected, verified, repaired and exported as one", async () => {
  await using work = await openWorkspace(server);
  await leave(work, [itemOf(0, 20)]);
  await using log = await openLog({
    directory: journalDirectory(work.dataDir, "news"),
    maxBytes: 1 << 20,
    warn: () => {},
    onLost: () => {},
  });
  await log.append([newsItem(7)], () => false);
  await log[Symbol.asyncDispose]();
  const journal = async (...args: string[]) => await work.run(["journal", ...args, "--data-dir", work.dataDir]);
  const { json } = await journal("inspect", "--json");
  assertEquals([json.records, json.frames, json.segments.length], [27, 2, 2]);
  assertEquals(json.segments[1].name, "news/0000000000000001.segment");
  assertEquals(json.contents.map(({ kind, records }: { kind: string; records: number }) => [kind, records]), [
    ["bar", 20],
    ["news", 7],
  ]);
  assertEquals((await journal("export")).stdout.trim().split("\n").length, 27);
  const path = join(journalDirectory(work.dataDir, "news"), "0000000000000001.segment");
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 5] ^= 1;
  await Deno.writeFile(path, bytes);
  const verified = await journal("verify", "--json");
  assertEquals([verified.code, verified.json.findings[0].segment], [1, "news/0000000000000001.segment"]);
  assertStringIncludes((await journal("repair")).stdout, "news/0000000000000001.segment");
  assertEquals((await journal("verify")).code, 0);
});
