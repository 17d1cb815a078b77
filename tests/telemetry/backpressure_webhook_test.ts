import { assert, assertEquals } from "@std/assert";
import type { PipelineEvent } from "../../src/events.ts";
import { createBackpressureWebhook, type FeedbackOptions } from "../../src/telemetry/backpressure_webhook.ts";
import { freePort } from "../support/postgres.ts";
import { startWebhook, TOKEN } from "../support/webhook.ts";

const watermark = (level: "high" | "low", kind = "bar"): PipelineEvent => (
  { type: "watermark", kind, level, depth: 85, capacity: 100 }
);
const circuit = (state: "open" | "half-open" | "closed", kind = "bar"): PipelineEvent => (
  { type: "circuit", kind, state, failures: 1 }
);

/** A feedback whose outcomes can be awaited. */
function start(url: string, given: Partial<FeedbackOptions> = {}) {
  const outcomes: string[] = [];
  const errors: string[] = [];
  const watchers = new Set<() => void>();
  const feedback = createBackpressureWebhook({
    url,
    queue: () => ({ size: 85, capacity: 100 }),
    emit(event) {
      if (event.type !== "feedback") return;
      outcomes.push(event.outcome);
      if (event.error !== undefined) errors.push(Deno.inspect(event.error, { depth: 5 }));
      for (const watch of watchers) watch();
    },
    ...given,
  });
  return {
    ...feedback,
    listen: feedback.listen,
    outcomes,
    errors,
    until: (count: number) =>
      new Promise<void>((resolve) => {
        const watch = () => {
          if (outcomes.length >= count) resolve();
        };
        watchers.add(watch);
        watch();
      }),
    async [Symbol.asyncDispose]() {
      await feedback[Symbol.asyncDispose]();
      assertEquals(errors.filter((error) => error.includes(TOKEN) || error.includes("127.0.0.1")), []);
    },
  };
}

Deno.test("an event has every field of the schema, and is posted as JSON", async () => {
  await using webhook = startWebhook();
  await using feedback = start(webhook.url);
  const before = Date.now() / 1000;
  feedback.listen(watermark("high"));
  await feedback.until(1);
  const [{ ts, ...event }] = webhook.posted;
  assertEquals(event, {
    coordinator_id: "bar",
    queue_size: 85,
    capacity: 100,
    level: "soft",
    source: "store",
    reason: "queue reached its high watermark",
    utilization: 0.85,
  });
  assert(ts >= before && ts <= Date.now() / 1000);
  const [request] = webhook.requests;
  assertEquals([request.method, request.type], ["POST", "application/json"]);
  assertEquals(new URL(request.url).searchParams.get("token"), TOKEN);
});

Deno.test("each change of level is posted once, and nothing else is", async () => {
  await using webhook = startWebhook();
  await using feedback = start(webhook.url);
  const events: PipelineEvent[] = [
    watermark("high"),
    circuit("open"),
    circuit("half-open"),
    circuit("open"),
    watermark("low"),
    watermark("high"),
    circuit("closed"),
    watermark("low"),
    { type: "backpressure", level: "hard", factor: 0.5 },
    circuit("open", "option"),
  ];
  for (const event of events) feedback.listen(event);
  await feedback.until(5);
  assertEquals(webhook.posted.map((event) => `${event.coordinator_id} ${event.level}: ${event.reason}`), [
    "bar soft: queue reached its high watermark",
    "bar hard: circuit is open",
    "bar soft: circuit is closed",
    "bar ok: queue reached its low watermark",
    "option hard: circuit is open",
  ]);
  assertEquals(feedback.outcomes, Array(5).fill("sent"));
});

for (const status of [500, 503, 404, 302]) {
  Deno.test(`an answer with status ${status} is tried three times, and then reported`, async () => {
    await using webhook = startWebhook([status, status, status]);
    await using feedback = start(webhook.url);
    feedback.listen(circuit("open"));
    await feedback.until(1);
    assertEquals(webhook.posted.map(({ level }) => level), ["hard", "hard", "hard"]);
    assertEquals(feedback.outcomes, ["failed"]);
    assert(feedback.errors[0].includes(`status ${status}`));
    feedback.listen(circuit("closed"));
    await feedback.until(2);
    assertEquals([webhook.posted.length, feedback.outcomes[1]], [4, "sent"]);
  });
}

Deno.test("an attempt that fails is followed by one that succeeds", async () => {
  await using webhook = startWebhook([500, "hang"]);
  await using feedback = start(webhook.url, { timeoutMs: 100 });
  feedback.listen(circuit("open"));
  await feedback.until(1);
  assertEquals([webhook.posted.length, feedback.outcomes], [3, ["sent"]]);
});

Deno.test("an unreachable webhook is reported without its address", async () => {
  await using feedback = start(`http://user:${TOKEN}@127.0.0.1:${freePort()}/`);
  feedback.listen(circuit("open"));
  await feedback.until(1);
  assertEquals(feedback.outcomes, ["failed"]);
  assert(feedback.errors[0].includes("cannot be reached"), feedback.errors[0]);
});

Deno.test("after a failed attempt only the newest level of each coordinator is sent", async () => {
  await using webhook = startWebhook(["hang"]);
  await using feedback = start(webhook.url, { timeoutMs: 200 });
  feedback.listen(watermark("high"));
  await webhook.until(1);
  for (let round = 0; round < 3; round++) {
    for (const level of ["low", "high"] as const) feedback.listen(watermark(level));
  }
  feedback.listen(circuit("open", "option"));
  feedback.listen(circuit("open"));
  await feedback.until(9);
  assertEquals(webhook.posted.slice(1).map(({ coordinator_id, level }) => `${coordinator_id} ${level}`), [
    "option hard",
    "bar hard",
  ]);
  assertEquals(feedback.outcomes, ["failed", ...Array(6).fill("dropped"), "sent", "sent"]);
});

Deno.test("the posts that wait for a slow webhook are bounded: the oldest are dropped, and counted", async () => {
  await using webhook = startWebhook(["hang"]);
  const feedback = start(webhook.url, { timeoutMs: 500 });
  feedback.listen(watermark("high"));
  await webhook.until(1);
  for (let round = 0; round < 100; round++) {
    for (const level of ["low", "high"] as const) feedback.listen(watermark(level));
  }
  assertEquals(feedback.outcomes, Array(184).fill("dropped"));
  await feedback[Symbol.asyncDispose]();
  // Whether the newest is still sent depends on which of two deadlines of the same length comes first.
  const dropped = feedback.outcomes.filter((outcome) => outcome === "dropped").length;
  assert(dropped === 199 || dropped === 200, `${dropped} were dropped`);
  assertEquals(feedback.outcomes.length, 201);
});

Deno.test("the end waits for a webhook no longer than for one answer", async () => {
  await using webhook = startWebhook(["hang", "hang", "hang"]);
  const feedback = start(webhook.url, { timeoutMs: 300 });
  feedback.listen(watermark("high"));
  feedback.listen(watermark("low"));
  feedback.listen(watermark("high"));
  await webhook.until(1);
  await feedback[Symbol.asyncDispose]();
  // One hung when the end began; another may have been asked before the end gave up.
  assert(webhook.posted.length < 3, "the end waited for every answer");
  assertEquals(feedback.outcomes.length, 3);
});

Deno.test("unsent posts are sent at the end by a webhook that answers", async () => {
  await using webhook = startWebhook();
  const feedback = start(webhook.url);
  feedback.listen(watermark("high"));
  feedback.listen(watermark("low"));
  await feedback[Symbol.asyncDispose]();
  assertEquals(webhook.posted.map(({ level }) => level), ["soft", "ok"]);
});
