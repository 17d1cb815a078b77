import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createTokenBucket } from "../../src/pipeline/rate.ts";
import { FeedError } from "../../src/providers/live/feed.ts";
import { type CallOutcome, getJson, type RestOptions } from "../../src/providers/live/transport/rest.ts";

/** A server that answers as it is told, one request after the other, and the rest with `{"ok":true}`. */
function startServer(answers: ((request: Request) => Response | Promise<Response>)[]) {
  const requests: { at: number; path: string; key: string | null }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    requests.push({ at: performance.now(), path: pathname, key: request.headers.get("x-key") });
    return answers.shift()?.(request) ?? Response.json({ ok: true });
  });
  return {
    url: `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const status = (code: number, headers: Record<string, string> = {}, body = "{}") => () =>
  new Response(body, { status: code, headers });

/** Asks, and tells of the outcomes. */
function ask(url: string, given: Partial<RestOptions> = {}) {
  const calls: CallOutcome[] = [];
  const answer = getJson(`${url}/bars?secret=geheim`, {
    headers: { "x-key": "geheim" },
    signal: new AbortController().signal,
    bucket: createTokenBucket(Infinity),
    backoffMs: 1,
    onCall: (outcome) => void calls.push(outcome),
    ...given,
  });
  return { answer, calls };
}

for (const code of [408, 418, 425, 429, 499, 500, 503]) {
  Deno.test(`after status ${code} it is asked again`, async () => {
    await using server = startServer([status(code)]);
    const { answer, calls } = ask(server.url);
    assertEquals(await answer, { ok: true });
    assertEquals(calls, [[418, 429].includes(code) ? "throttled" : "error", "ok"]);
  });
}

for (const [code, isFatal] of [[400, false], [401, true], [403, true], [404, false]] as const) {
  Deno.test(`status ${code} is a refusal, reported with advice`, async () => {
    await using server = startServer([status(code, {}, '{"message":"no such thing"}')]);
    const { answer, calls } = ask(server.url, { advise: () => "look at the key" });
    const error = await assertRejects(() => answer, FeedError);
    assertEquals([error.isFatal, error.reason, calls], [isFatal, "refused", ["error"]]);
    assertStringIncludes(error.message, `status ${code}: {"message":"no such thing"}: look at the key`);
    assert(!error.message.includes("geheim"));
  });
}

Deno.test("all callers of the endpoint wait for Retry-After, in seconds and as a date", async () => {
  for (const say of [() => "1", () => new Date(Date.now() + 2000).toUTCString()]) {
    const value = say();
    await using server = startServer([status(429, { "retry-after": value })]);
    const bucket = createTokenBucket(Infinity);
    const first = ask(server.url, { bucket });
    while (first.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([first.answer, ask(server.url, { bucket }).answer]);
    const [refused, ...others] = server.requests.map(({ at }) => at);
    assert(others.every((at) => at - refused >= 900), `${others.map((at) => at - refused)} ms after ${value}`);
  }
});

Deno.test("a Retry-After of hours is kept to, and reported at once", async () => {
  await using server = startServer([status(418, { "retry-after": "7200" })]);
  const bucket = createTokenBucket(Infinity);
  await assertRejects(() => ask(server.url, { bucket }).answer, FeedError, "asks to be left alone for 120 minutes");
  const stop = new AbortController();
  const { answer } = ask(server.url, { bucket, signal: stop.signal });
  await new Promise((resolve) => setTimeout(resolve));
  stop.abort(new Error("stopped"));
  await assertRejects(() => answer, Error, "stopped");
  assertEquals(server.requests.length, 1);
});

Deno.test("a quota's end is waited for without a Retry-After", async () => {
  const reset = Math.ceil(Date.now() / 1000) + 1;
  await using server = startServer([status(429, { "x-ratelimit-reset": `${reset}` })]);
  await ask(server.url).answer;
  assert(Date.now() >= reset * 1000);
});

Deno.test("a nonsensical Retry-After is ignored", async () => {
  for (const value of ["soon", "-5", "", "NaN"]) {
    await using server = startServer([status(503, { "retry-after": value })]);
    assertEquals(await ask(server.url).answer, { ok: true });
  }
});

Deno.test("an answer with status 200 that asks to slow down, and one that is not JSON, are requested again", async () => {
  await using server = startServer([
    () => Response.json({ error: "too many" }),
    status(200, {}, "<html>Welcome to the hotel</html>"),
    status(200, {}, ""),
  ]);
  const { answer, calls } = ask(server.url, {
    isThrottled: (body) => (body as { error?: string }).error !== undefined,
  });
  assertEquals(await answer, { ok: true });
  assertEquals(calls, ["throttled", "error", "error", "ok"]);
});

Deno.test("it fails after some attempts, with the last error", async () => {
  await using server = startServer(Array.from({ length: 9 }, () => status(503, {}, '"down"')));
  const error = await assertRejects(() => ask(server.url, { attempts: 3 }).answer, FeedError);
  assertEquals([error.isFatal, error.reason, server.requests.length], [false, "rest", 3]);
  assertStringIncludes(error.message, "failed 3 times, the last time status 503: down");
});

Deno.test("a redirect is followed on the same host, and the key goes to no other", async () => {
  await using other = startServer([]);
  await using server = startServer([
    status(301, { location: "/moved" }),
    status(200, {}, '{"moved":true}'),
    status(302, { location: `${other.url}/steal` }),
  ]);
  assertEquals(await ask(server.url).answer, { moved: true });
  assertEquals(server.requests.map(({ path, key }) => [path, key]), [["/bars", "geheim"], ["/moved", "geheim"]]);
  const error = await assertRejects(() => ask(server.url).answer, FeedError, `sends on to ${other.url}`);
  assertEquals([other.requests, error.reason], [[], "refused"]);
});

Deno.test("redirects that go round in circles end", async () => {
  await using server = startServer(Array.from({ length: 20 }, () => status(302, { location: "/again" })));
  await assertRejects(() => ask(server.url).answer, FeedError, "refused the request, status 302");
  assert(server.requests.length < 6);
});

Deno.test("an answer without end fills no memory", async () => {
  const endless = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)) }));
  await using server = startServer([endless]);
  assertEquals(await ask(server.url, { maxBytes: 1_000_000 }).answer, { ok: true });
});

Deno.test("an answer that does not come in time, or breaks off, is asked for again", async () => {
  const gone = Promise.withResolvers<Response>();
  const broken = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode('{"half":')),
        pull: (controller) => controller.error("broken off"),
      }, { highWaterMark: 0 }),
    );
  await using server = startServer([() => gone.promise, broken]);
  const { answer, calls } = ask(server.url, { timeoutMs: 200 });
  const said = await answer;
  gone.resolve(new Response());
  assertEquals(said, { ok: true });
  // Some versions of Deno ask again themselves where a connection breaks off.
  assertEquals([calls[0], calls.at(-1)], ["error", "ok"]);
});

/** A server that sends bytes as they are, and closes the connection; the last ones for ever. */
function startRawServer(answers: Uint8Array[]) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let count = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(65_536));
      await connection.write(answers[Math.min(count++, answers.length - 1)]);
      connection.close();
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

const encode = (text: string) => new TextEncoder().encode(text);
async function pack(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
const packed = await pack('{"half":true}');
const join = (head: string, body: Uint8Array) => new Uint8Array([...encode(head), ...body]);
const ok = (headers: string) => `HTTP/1.1 200 OK\r\nConnection: close\r\n${headers}\r\n`;

for (
  const [name, bytes] of [
    ["shorter than its length", encode(`${ok("Content-Length: 40\r\n")}{"half":true}`)],
    ["cut within its chunks", encode(`${ok("Transfer-Encoding: chunked\r\n")}d\r\n{"half":true}\r\n`)],
    ["cut within a chunk", encode(`${ok("Transfer-Encoding: chunked\r\n")}f0\r\n{"half":true}`)],
    ["packed and cut", join(ok("Content-Encoding: gzip\r\n"), packed.slice(0, -8))],
    ["cut in the middle of JSON", encode(`${ok("")}{"half":tr`)],
    ["no JSON by its type", encode(`${ok("Content-Type: text/html\r\n")}{"half":true}`)],
    ["CSV by its type", encode(`${ok("Content-Type: text/csv; charset=utf-8\r\n")}5`)],
  ] as const
) {
  Deno.test(`an answer that is ${name} is asked for again`, async () => {
    const whole = encode(`${ok("Content-Type: application/json\r\nContent-Length: 11\r\n")}{"ok":true}`);
    await using server = startRawServer([bytes, bytes, whole]);
    const { answer, calls } = ask(server.url);
    assertEquals(await answer, { ok: true });
    assertEquals([calls[0], calls.at(-1)], ["error", "ok"]);
  });
}

Deno.test("a whole packed answer, and one without a type, are taken", async () => {
  const type = "Content-Encoding: gzip\r\nContent-Type: application/problem+json\r\n";
  await using server = startRawServer([
    join(ok(`${type}Content-Length: ${packed.length}\r\n`), packed),
    encode(`${ok("")}[]`),
  ]);
  assertEquals([await ask(server.url).answer, await ask(server.url).answer], [{ half: true }, []]);
});

Deno.test("a stop ends the request in flight, and the wait for the next", async () => {
  const gone = Promise.withResolvers<Response>();
  await using server = startServer([() => gone.promise, status(429, { "retry-after": "300" })]);
  for (let count = 1; count <= 2; count++) {
    const stop = new AbortController();
    const { answer } = ask(server.url, { signal: stop.signal });
    while (server.requests.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(new Error("stopped"));
    await assertRejects(() => answer, Error, "stopped");
  }
  gone.resolve(new Response());
});
