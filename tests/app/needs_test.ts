import { assertEquals } from "@std/assert";
import { needsOf } from "../../src/app/needs.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Provider } from "../../src/providers/provider.ts";

const { settings } = loadConfig({
  flags: new Map<string, unknown>([["database", "postgres://localhost/none"]]),
  env: () => undefined,
  dotenv: "/nonexistent/.env",
});
const provider = (is: Partial<Provider>): Provider => ({ name: "some", open: () => new ReadableStream(), ...is });
const writersOf = (...all: Partial<Provider>[]) => needsOf(settings, all.map(provider)).writers;

Deno.test("receive times are kept in order wherever two writers of a series can meet", () => {
  assertEquals(writersOf({ keepsUnsettled: true }), "many");
  assertEquals(writersOf({ keepsUnsettled: true }, { isLive: true }), "many");
  assertEquals(writersOf({ isLive: true }), "live");
  assertEquals(writersOf({}, { isLive: true }), "live");
  assertEquals(writersOf({ readsHistory: true }), "history");
  assertEquals(writersOf({}, {}), "alone");
});
