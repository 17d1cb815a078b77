import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Provider } from "../../src/providers/provider.ts";
import { configure } from "../support/configured.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { createContext } from "../providers/conformance.ts";
import { recordsOf } from "../support/frames.ts";

const server = await startSharedServer();

/** The symbols and timeframes of the first frame of a mock. */
async function firstSeries(provider: Provider): Promise<string[]> {
  const reader = provider.open(createContext()).getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return recordsOf(value!).map(({ symbol, timeframe }) => `${symbol} ${timeframe}`);
}

Deno.test("each provider has the symbols and the timeframe of its own entry", async () => {
  const { made, messages } = await configure(
    "provider: mock\nsymbols: { mock: [A, B], kraken: [BTC/USD] }\ntimeframe: { mock: 5m }\n",
  );
  assertEquals(messages, []);
  assertEquals(await firstSeries(made[0]), ["A 5m", "B 5m"]);
});

Deno.test("one list is for all; an entry may be text as in flags", async () => {
  assertEquals(await firstSeries((await configure("symbols: [A, B]\n")).made[0]), ["A 1m", "B 1m"]);
  assertEquals(await firstSeries((await configure("symbols: { mock: 'A, B' }\n")).made[0]), ["A 1m", "B 1m"]);
});

Deno.test("without named providers those with symbols run; a flag names others", async () => {
  const file = "symbols: { alpaca: [AAPL], kraken: [BTC/USD] }\n";
  assertEquals((await configure(file)).made.map(({ name }) => name), ["alpaca", "kraken"]);
  assertEquals((await configure(file, { provider: ["kraken"] })).made.map(({ name }) => name), ["kraken"]);
  assertEquals((await configure(file, { file: ["tests/fixtures/bars.csv"] })).made.map(({ name }) => name), ["replay"]);
  assertEquals(await firstSeries((await configure(file, { provider: ["mock"], symbols: "X" })).made[0]), ["X 1m"]);
});

Deno.test("a provider has the entry of its other name too", async () => {
  const { made, messages } = await configure("provider: massive\nsymbols: { polygon: [AAPL] }\n");
  assertEquals([made.map(({ name }) => name), messages], [["massive"], []]);
});

Deno.test("problems of an entry are reported by its key", async () => {
  const missing = await configure("provider: [alpaca, kraken]\nsymbols: { alpaca: [AAPL] }\n");
  assertEquals(missing.problems.map(({ key }) => key), ["symbols.kraken"]);
  assertStringIncludes(missing.problems[0].message, "none are given");
  const unknown = await configure("symbols: { alpacca: [AAPL], kraken: [BTC/USD] }\n");
  assertEquals(unknown.problems.map(({ key }) => key), ["symbols.alpacca"]);
  assertStringIncludes(unknown.messages[0], 'did you mean "alpaca"?');
  assertEquals((await configure("symbols: { polygon: [A], massive: [B] }\n")).messages, [
    'symbols.massive: "polygon" is another name of it, expected one of them',
  ]);
  const timeframe = await configure("provider: alpaca\ntimeframe: { alpaca: 5m }\n");
  assertEquals(timeframe.problems.map(({ key }) => key), ["timeframe.alpaca"]);
});

Deno.test("config check names the wrong entry, config show prints the mapping, and the schema takes it", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("barline.yaml", "provider: mock\nsymbols: { mock: [A, B], kraken: [7] }\n");
  const checked = await work.run(["config", "check", "--config", file]);
  assertEquals(checked.code, 2);
  assertStringIncludes(checked.stderr, 'Cannot use "symbols.kraken" from');
  assertStringIncludes(checked.stderr, "current value is [7], expected symbols, separated by commas");
  await work.write("barline.yaml", "provider: mock\nsymbols: { mock: [A, B] }\n");
  assertStringIncludes((await work.run(["config", "show", "--config", file])).stdout, "symbols: { mock: [ A, B ] }");
  const schema = JSON.parse((await work.run(["config", "schema"])).stdout);
  const names = { type: "string", minLength: 1 };
  const symbols = { type: "array", items: names };
  assertEquals(schema.properties.symbols.anyOf, [
    symbols,
    { type: "object", propertyNames: names, additionalProperties: symbols },
  ]);
});

Deno.test("two providers run side by side, each with its own symbols", async () => {
  await using work = await openWorkspace(server);
  const bars = await work.write(
    "bars.ndjson",
    '{"symbol":"Z","ts":"2024-01-02T14:30:00Z","open":1,"high":1,"low":1,"close":1,"volume":1}\n',
  );
  const file = await work.write(
    "barline.yaml",
    `provider: [mock, replay]\nfile: [${bars}]\nsymbols: { mock: [A, B] }\n`,
  );
  const { code, json } = await work.ingest(["--config", file, "--limit", "41", "--speed", "600"]);
  assertEquals([code, json.stored], [0, 41]);
  const rows = await work.query("SELECT DISTINCT provider || ' ' || symbol AS name FROM bars ORDER BY 1");
  assertEquals(rows.map(({ name }) => name), ["mock A", "mock B", "replay Z"]);
});
