import { assertEquals } from "@std/assert";
import { inOrder, lateFile } from "./order.ts";

Deno.test("long files run first, those that start something next, and quick ones last", async () => {
  const quick = "tests/records/bar_test.ts";
  const starting = "tests/cli/loads_test.ts";
  const long = "tests/cluster/cluster_test.ts";
  assertEquals(await inOrder([quick, starting, long]), [long, starting, quick]);
});

Deno.test("a file that ran alone at the end is named, one among others is not", () => {
  const ran = [{ file: "a", endedAt: 70_000 }, { file: "b", endedAt: 99_000 }, { file: "c", endedAt: 60_000 }];
  assertEquals(lateFile(ran)?.startsWith("Late: b ran alone for 29 s at the end"), true);
  assertEquals(lateFile([...ran, { file: "d", endedAt: 90_000 }]), undefined);
  assertEquals(lateFile(ran.slice(0, 1)), undefined);
});
