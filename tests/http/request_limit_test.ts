import { assert, assertEquals } from "@std/assert";
import { createRateLimiter } from "../../src/http/request_limit.ts";

Deno.test("an address has its burst, then its rate, and receives the time to wait", () => {
  const limiter = createRateLimiter({ perSecond: 2, burst: 3 });
  assertEquals([1, 2, 3, 4].map(() => limiter.take("a", 0)), [0, 0, 0, 0.5]);
  assertEquals(limiter.take("a", 500), 0);
  assertEquals(limiter.take("a", 750), 0.25);
  assertEquals([1, 2, 3, 4].map(() => limiter.take("a", 60_000)), [0, 0, 0, 0.5]);
});

Deno.test("one address does not use up the limit of another", () => {
  const limiter = createRateLimiter({ perSecond: 1, burst: 1 });
  assertEquals([limiter.take("192.0.2.1", 0), limiter.take("192.0.2.2", 0)], [0, 0]);
  assert(limiter.take("192.0.2.1", 0) > 0);
});

Deno.test("the addresses of one IPv6 network count as one, IPv4 within IPv6 does not", () => {
  const limiter = createRateLimiter({ perSecond: 1, burst: 1 });
  assertEquals(limiter.take("2001:db8:1:2::1", 0), 0);
  assert(limiter.take("2001:db8:1:2:aaaa:bbbb:cccc:dddd", 0) > 0);
  assertEquals(limiter.take("2001:db8:1:3::1", 0), 0);
  assertEquals([limiter.take("::ffff:192.0.2.1", 0), limiter.take("::ffff:192.0.2.2", 0)], [0, 0]);
});

Deno.test("a clock that is set back takes nothing away", () => {
  const limiter = createRateLimiter({ perSecond: 1, burst: 2 });
  assertEquals([limiter.take("a", 10_000), limiter.take("a", 0), limiter.take("a", 0)], [0, 0, 1]);
});

Deno.test("more addresses than are remembered push out the one unheard of for longest", () => {
  const limiter = createRateLimiter({ perSecond: 1, burst: 1 });
  limiter.take("first", 0);
  limiter.take("second", 0);
  assert(limiter.take("first", 0) > 0);
  for (let at = 0; at < 9_999; at++) limiter.take(`host ${at}`, 0);
  assert(limiter.wait("first", 0) > 0, "it was heard of after the second");
  assertEquals(limiter.wait("second", 0), 0);
});
