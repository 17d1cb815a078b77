import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { exhaustedBy, retry, type RetryOptions } from "../../src/pipeline/retry.ts";
import { fakeClock } from "../support/clock.ts";

const options = (more: Partial<RetryOptions> = {}): RetryOptions => ({
  attempts: 3,
  isRetriable: () => true,
  signal: new AbortController().signal,
  ...more,
});

/** A function that fails with these and then gives "done", and the times at which it was called. */
function failing(...errors: Error[]) {
  const calls: number[] = [];
  return {
    calls,
    fn: (): Promise<string> => {
      calls.push(Date.now());
      const error = errors.shift();
      return error === undefined ? Promise.resolve("done") : Promise.reject(error);
    },
  };
}

Deno.test("a function that succeeds is called once", async () => {
  const { fn, calls } = failing();
  assertEquals(await retry(fn, options()), "done");
  assertEquals(calls.length, 1);
});

Deno.test("a function that fails is called again until it succeeds", async () => {
  using clock = fakeClock();
  const { fn, calls } = failing(new Error("1"), new Error("2"));
  const outcome = retry(fn, options());
  await clock.tick(10_000);
  assertEquals(await outcome, "done");
  assertEquals(calls.length, 3);
});

Deno.test("when the attempts are used up the last error is the cause", async () => {
  using clock = fakeClock();
  const last = new Error("3");
  const { fn, calls } = failing(new Error("1"), new Error("2"), last);
  const outcome = assertRejects(() => retry(fn, options()));
  await clock.tick(10_000);
  assertEquals(exhaustedBy(await outcome), { cause: last });
  assertEquals(calls.length, 3);
});

Deno.test("a single attempt is not repeated", async () => {
  const only = new Error("1");
  const { fn, calls } = failing(only);
  assertEquals(exhaustedBy(await assertRejects(() => retry(fn, options({ attempts: 1 })))), { cause: only });
  assertEquals(calls.length, 1);
});

Deno.test("an error that is not worth a retry is thrown unchanged, at once", async () => {
  const poison = new Error("poison");
  const { fn, calls } = failing(poison);
  const thrown = await assertRejects(() => retry(fn, options({ isRetriable: (error) => error !== poison })));
  assertEquals(thrown, poison);
  assertEquals(exhaustedBy(thrown), undefined);
  assertEquals(calls.length, 1);
});

Deno.test("no wait is longer than its bound, which doubles up to the longest", async () => {
  using clock = fakeClock();
  const { fn, calls } = failing(...Array.from({ length: 9 }, () => new Error("again")));
  const outcome = retry(fn, options({ attempts: 10, minMs: 100, maxMs: 1000 }));
  await clock.tick(10_000);
  assertEquals(await outcome, "done");
  const waits = calls.slice(1).map((at, index) => at - calls[index]);
  waits.forEach((wait, at) => assert(wait <= Math.min(1000, 100 * 2 ** at), `wait ${at} is ${wait} ms`));
});

Deno.test("waits have full jitter: they differ, down to nearly nothing", async () => {
  using clock = fakeClock();
  const first: number[] = [];
  for (let run = 0; run < 200; run++) {
    const { fn, calls } = failing(new Error("again"));
    const outcome = retry(fn, options({ minMs: 1000 }));
    await clock.tick(1000);
    await outcome;
    first.push(calls[1] - calls[0]);
  }
  assert(Math.min(...first) < 250 && Math.max(...first) > 750 && Math.max(...first) <= 1000);
});

Deno.test("an abort ends the wait, with its reason", async () => {
  using clock = fakeClock();
  const abort = new AbortController();
  const { fn, calls } = failing(new Error("1"), new Error("2"));
  const outcome = assertRejects(() => retry(fn, options({ signal: abort.signal, minMs: 1000 })), Error, "deadline");
  await clock.tick(0);
  abort.abort(new Error("deadline"));
  await outcome;
  assertEquals(calls.length, 1);
});

Deno.test("after an abort nothing is tried", async () => {
  const { fn, calls } = failing();
  const signal = AbortSignal.abort(new Error("deadline"));
  await assertRejects(() => retry(fn, options({ signal })), Error, "deadline");
  assertEquals(calls.length, 0);
});

Deno.test("an abort during the last attempt does not count as used up", async () => {
  const abort = new AbortController();
  const outcome = retry(() => {
    abort.abort();
    return Promise.reject(new Error("torn"));
  }, options({ attempts: 1, signal: abort.signal }));
  assertEquals(exhaustedBy(await assertRejects(() => outcome, Error, "torn")), undefined);
});

Deno.test("only used-up attempts are exhaustion", () => {
  fc.assert(fc.property(fc.anything(), (error) => assertEquals(exhaustedBy(error), undefined)));
});
