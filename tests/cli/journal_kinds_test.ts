import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { journalDirectory } from "../../src/journal/format.ts";
import { openLog } from "../../src/journal/log.ts";
import { encodeFrame } from "../../src/records/codec.ts";
import { recordKind } from "../../src/records/mod.ts";
import { makeBars, makeFrame } from "../support/frames.ts";
import { itemOf } from "../support/journal.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();
const NEWS = ["--provider", "mock", "--kind", "news", "--speed", "max", "--limit", "20"];

/** Leaves entries in the journal as an earlier run does. */
async function leave(work: Workspace, items: readonly { message: Uint8Array; records: number }[]): Promise<void> {
  await using log = await openLog({
    directory: journalDirectory(work.dataDir),
    maxBytes: 1 << 20,
    notice: (message) => assertEquals(message, ""),
    onLost: (records) => assertEquals(records, 0),
  });
  await log.append(items, () => false);
}

/** The message of bars that a program wrote which called them otherwise. */
function unknownItem() {
  const kind = { ...recordKind("bar"), name: "candle" };
  return { message: encodeFrame(makeFrame(makeBars(3), { kind: "candle" }), kind), records: 3 };
}

Deno.test("a run delivers what the journal holds, whatever kinds it streams itself", async () => {
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
  assertEquals([first.code, first.json.received, first.json.stored, first.json.dropped], [1, 28, 25, 3]);
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
