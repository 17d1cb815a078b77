import { assertEquals } from "@std/assert";
import { nearestWord } from "../../src/config/nearest.ts";

const COMMANDS = ["ingest", "backfill", "gaps", "dlq", "journal", "migrate", "doctor", "version"];

Deno.test("a word near enough to be meant is named, and no other", () => {
  const meant = ["ingst", "Ingest", "back", "docter", "versoin", "export", "constructor", "x", ""];
  assertEquals(meant.map((word) => nearestWord(word, COMMANDS)), [
    ...["ingest", "ingest", "backfill", "doctor", "version"],
    ...[undefined, undefined, undefined, undefined],
  ]);
});
