import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { startSpanExport } from "../../src/telemetry/otlp/export.ts";
import { startCollector } from "../support/fake_collector.ts";

Deno.test("spans are sent although there was nothing to send for a while", async () => {
  await using collector = startCollector();
  await using spans = startSpanExport((name) => ({ ...collector.env, OTEL_BSP_SCHEDULE_DELAY: "1" })[name]);
  for (const name of ["first", "second"]) {
    await delay(20);
    spans.tracer.startSpan(name).end();
    assertEquals((await collector.span(name)).name, name);
  }
});

Deno.test("the remaining spans are sent at the end, in requests of a bounded size", async () => {
  await using collector = startCollector();
  {
    await using spans = startSpanExport((name) => ({ ...collector.env, OTEL_BSP_SCHEDULE_DELAY: "60000" })[name]);
    for (let number = 0; number < 1000; number++) spans.tracer.startSpan(`span ${number}`).end();
  }
  assertEquals(collector.spans.length, 1000);
  assertEquals(new Set(collector.spans.map(({ spanId }) => spanId)).size, 1000);
});
