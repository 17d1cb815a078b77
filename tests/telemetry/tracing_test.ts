import { assert, assertEquals, assertMatch } from "@std/assert";
import { addressOf } from "../support/process.ts";
import { missingServer } from "../support/postgres.ts";
import { type SentSpan, startCollector } from "../support/fake_collector.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

/** A 64-bit number may come as text in the protocol's JSON. */
function attribute({ attributes }: SentSpan, key: string): unknown {
  const value = attributes.find((each) => each.key === key)?.value ?? {};
  return value.intValue === undefined ? Object.values(value)[0] : Number(value.intValue);
}

const header = "symbol,ts,open,high,low,close,volume\n";
const line = (minute: number, close: number) => `AAPL,2024-01-02T14:3${minute}:00Z,1,999,0,${close},5\n`;

Deno.test("a batch is a span from receipt to commit, with its wait and its writes, linked to its frames", async () => {
  await using collector = startCollector();
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", header + line(0, 1) + line(1, 2));
  assertEquals((await work.ingest(["--file", file], { env: collector.env })).code, 0);
  const batch = await collector.span("batch");
  assertEquals([attribute(batch, "barline.kind"), attribute(batch, "barline.records")], ["bar", 2]);
  const children = collector.spans.filter(({ parentSpanId }) => parentSpanId === batch.spanId);
  assertEquals(children.map(({ name }) => name), ["queue", "write"]);
  for (const { traceId, startTimeUnixNano, endTimeUnixNano } of children) {
    assertEquals(traceId, batch.traceId);
    assert(BigInt(startTimeUnixNano) >= BigInt(batch.startTimeUnixNano));
    assert(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano));
  }
  const [frame] = collector.spans.filter(({ name }) => name === "frame");
  assertEquals(batch.links!.map(({ spanId }) => spanId), [frame.spanId]);
  assertEquals([attribute(frame, "barline.provider"), attribute(frame, "barline.records")], ["replay", 2]);
  assertEquals(collector.spans.length, 4, "a span a record would be too many");
});

testWhere(missingServer(), "a write that fails is a span with its error, whose trace the log names", async () => {
  await using collector = startCollector();
  await using work = await openWorkspace(server);
  await work.migrate();
  await work.query("ALTER TABLE bar ADD CONSTRAINT no_beast CHECK (close <> 666)");
  const file = await work.write("bars.csv", header + line(0, 1) + line(1, 666));
  const { stderr, json } = await work.ingest(["--file", file, "--log-format", "json"], { env: collector.env });
  assertEquals([json.stored, json.deadLettered], [1, 1]);
  const batch = await collector.span("batch");
  const writes = collector.spans.filter(({ name, parentSpanId }) => name === "write" && parentSpanId === batch.spanId);
  assertEquals(writes.filter(({ status }) => status?.code === 2).length, 2);
  assertEquals(attribute(writes[0], "barline.fault"), "poison");
  assertEquals(attribute(batch, "barline.refused"), 1);
  assert(collector.spans.some(({ name, parentSpanId }) => name === "dead-letter" && parentSpanId === batch.spanId));
  const failed = stderr.split("\n").filter((text) => text.includes("no_beast")).map((text) => JSON.parse(text));
  assertEquals(failed.map(({ trace_id }) => trace_id), [batch.traceId]);
});

Deno.test("a request is named by its route", async () => {
  await using collector = startCollector();
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], { env: collector.env });
  await (await fetch(`${await addressOf(running)}/healthz?x=1`)).body?.cancel();
  assertEquals(attribute(await collector.span("GET /healthz"), "http.route"), "/healthz");
  running.kill("SIGTERM");
  await running.ended;
});

Deno.test("an absent collector costs a run nothing but its traces", async () => {
  await using work = await openWorkspace(server);
  const file = await work.write("bars.csv", header + line(0, 1));
  const away = { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
  const { code, json } = await work.ingest(["--file", file], { env: away });
  assertEquals([code, json.stored], [0, 1]);
});

Deno.test("without OpenTelemetry no trace is made, and none is named", async () => {
  await using work = await openWorkspace(server);
  const { code, stderr } = await work.ingest(["--limit", "10", "--log-format", "json", "--log-level", "debug"]);
  assertEquals(code, 0);
  assertMatch(stderr, /Provider \\"mock\\" ended/);
  assertEquals(stderr.includes("trace_id"), false);
});
