import { assertLess } from "@std/assert";
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import type { FeedCoverage } from "../../src/providers/live/coverage.ts";
import type { Feed } from "../../src/providers/live/feed.ts";
import { type RepairOptions, startRepairs } from "../../src/providers/live/history/repair.ts";
import { createReceiveClock } from "../../src/records/record.ts";

const SYMBOLS = 300;
/** What a look at ten thousand doubts takes, in milliseconds. */
const LOOK_MS = 2;

Deno.test("symbols that are subscribed one by one do not each have all doubts looked at", async () => {
  let spentMs = 0;
  const coverage: Partial<FeedCoverage> = {
    inDoubt() {
      const from = performance.now();
      while (performance.now() - from < LOOK_MS);
      spentMs += performance.now() - from;
      return [];
    },
  };
  const ending = new AbortController();
  const options: Partial<RepairOptions> = {
    feed: { name: "test", bucket: createTokenBucket(1) } as Partial<Feed> as Feed,
    coverage: coverage as FeedCoverage,
    signal: ending.signal,
    clock: createReceiveClock(),
    now: Date.now,
    sweeps: true,
  };
  const repairs = startRepairs(options as RepairOptions);
  const began = performance.now();
  for (let at = 0; at < SYMBOLS; at++) {
    repairs.allow(`S${at}`);
    // Each answer to a subscription is a message of its own.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const tookMs = performance.now() - began;
  ending.abort();
  await repairs.ended();
  assertLess(spentMs, tookMs / 4);
});
