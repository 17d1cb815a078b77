import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readObject, RequestError } from "../../src/http/body.ts";
import { isLoopback } from "../../src/http/address.ts";
import { createGuard } from "../../src/http/guard.ts";
import { type HttpSources, serve } from "../../src/http/server.ts";
import type { View } from "../../src/http/view.ts";

const TOKEN = "a long random text";
const PAGES = ["/", "/healthz", "/readyz", "/metrics", "/health", "/api/overview", "/api/samples", "/api/dead-letters"];
const CONTROLS = ["/-/drain", "/-/circuit/probe", "/api/dead-letters/replay", "/api/dead-letters/purge"];

interface Served extends AsyncDisposable {
  /** Lines of the log. */
  readonly logged: string[];
  /** What was done, in order. */
  readonly done: string[];
  readonly port: number;
  ask(path: string, init?: RequestInit): Promise<{ status: number; text: string; headers: Headers }>;
}

/** Serves pages that say what they are. */
function start(hostname = "127.0.0.1", token: string | undefined = TOKEN): Served {
  const done: string[] = [];
  const logged: string[] = [];
  const json = () => Promise.resolve({});
  const sources: Partial<HttpSources> = {
    metrics: () => Promise.resolve({ body: "up 1\n", contentType: "text/plain" }),
    unready: () => Promise.resolve([]),
    drain: () => void done.push("drain"),
    view: () => view as unknown as View,
  };
  const view = {
    health: () => Promise.resolve({ service: "barline", state: "healthy", components: [], version: "1", ts: 0 }),
    overview: json,
    samples: () => [],
    probe: () => void done.push("probe"),
    own: {
      deadLetters: {
        groups: () => Promise.resolve({ groups: [] }),
        letters: () => Promise.resolve({ letters: [] }),
        replay(body: unknown) {
          done.push(`replay ${JSON.stringify(body)}`);
          return Promise.resolve({ replayed: 0, refused: 0, skipped: 0, reasons: {} });
        },
        finished: () => Promise.resolve(),
        purge() {
          done.push("purge");
          return Promise.reject(new RequestError("Cannot purge", 409));
        },
      },
    },
  };
  const server = serve({
    address: `${hostname.includes(":") ? `[${hostname}]` : hostname}:0`,
    token: () => token,
    // The test's own ends of the connections count too.
    maxOpenFiles: 10_000,
    sources: sources as HttpSources,
    onListen: () => {},
    log: (message) => void logged.push(message),
  });
  const { port } = server.addr as Deno.NetAddr;
  return {
    done,
    logged,
    port,
    async ask(path, init) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
      return { status: response.status, text: await response.text(), headers: response.headers };
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const post = (headers: Record<string, string> = {}, body = "") => ({ method: "POST", headers, body });

Deno.test("a changing request needs the token, and does nothing without it", async () => {
  await using served = start();
  for (const path of CONTROLS) {
    const missing = await served.ask(path, post());
    assertEquals([missing.status, missing.headers.get("www-authenticate")], [401, 'Bearer realm="barline"']);
    assertEquals((await served.ask(path, post(bearer(`${TOKEN}x`)))).status, 401);
    assertEquals((await served.ask(path, post({ authorization: `Basic ${btoa(TOKEN)}` }))).status, 401);
    assertEquals((await served.ask(`${path}?token=${encodeURIComponent(TOKEN)}`, post())).status, 401);
  }
  assertEquals(served.done, []);
});

Deno.test("a changing request with the token is carried out", async () => {
  const token = "0123456789abcdef";
  await using served = start("127.0.0.1", token);
  const statuses = [];
  for (const path of CONTROLS) statuses.push((await served.ask(path, post(bearer(token), '{"where":{}}'))).status);
  assertEquals(statuses, [200, 200, 200, 409]);
  assertEquals(served.done, ["drain", "probe", 'replay {"where":{}}', "purge"]);
});

Deno.test("nothing can be changed without a token in the configuration, and the answer says how", async () => {
  await using served = start("127.0.0.1", "");
  for (const path of CONTROLS) {
    const { status, text } = await served.ask(path, post(bearer("")));
    assertEquals(status, 403);
    assertStringIncludes(text, "BARLINE_HTTP_TOKEN");
  }
  assertEquals(served.done, []);
});

Deno.test("GET never changes anything", async () => {
  const token = "0123456789abcdef";
  await using served = start("127.0.0.1", token);
  for (const path of CONTROLS) {
    const { status, headers } = await served.ask(path, { headers: bearer(token) });
    assertEquals([status, headers.get("allow")], [405, "POST"]);
  }
  assertEquals(served.done, []);
});

Deno.test("every client may read on a loopback address; on another one the page, metrics, liveness and readiness alone", async () => {
  const token = "0123456789abcdef";
  for (const hostname of ["127.0.0.1", "0.0.0.0"]) {
    await using served = start(hostname, token);
    for (const path of PAGES) {
      const isOpen = hostname === "127.0.0.1" || ["/", "/metrics", "/healthz", "/readyz"].includes(path);
      assertEquals((await served.ask(path)).status, isOpen ? 200 : 401, `${path} at ${hostname}`);
      assertEquals((await served.ask(path, { headers: bearer(token) })).status, 200);
    }
  }
});

Deno.test("tokens are not guessed: after ten wrong ones an address waits, except with the right one", async () => {
  const token = "0123456789abcdef";
  await using served = start("127.0.0.1", token);
  for (let at = 0; at < 10; at++) assertEquals((await served.ask("/-/drain", post(bearer(`${at}`)))).status, 401);
  const refused = await served.ask("/-/drain", post(bearer("wrong")));
  assertEquals(refused.status, 429);
  assert(Number(refused.headers.get("retry-after")) >= 1);
  assertEquals((await served.ask("/healthz")).status, 200);
  assertEquals(served.done, []);
  assertEquals((await served.ask("/-/drain", post(bearer(token)))).status, 200);
});

Deno.test("excessive requests are refused with 429, and sooner from other machines", () => {
  const count = (address: string) => {
    const guard = createGuard({ hostname: "0.0.0.0", token: () => undefined });
    const request = new Request("http://localhost/healthz");
    for (let at = 0; at < 100_000; at++) {
      if (guard.refuse(request, new URL(request.url), address)?.status === 429) return at;
    }
    return Infinity;
  };
  for (const [address, least] of [["192.0.2.1", 1000], ["127.0.0.1", 10_000]] as const) {
    const asked = count(address);
    assert(asked >= least && asked < Infinity, `${address}: ${asked}`);
  }
});

/** Sends raw text and gives the first line of the answer. */
async function raw(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(4096);
  const count = await connection.read(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, count)).split("\r\n")[0];
}

Deno.test("a loopback server answers under its own names alone, so that a foreign page cannot read through DNS", async () => {
  const token = "0123456789abcdef";
  await using served = start("127.0.0.1", token);
  const as = (host: string, more = "") =>
    raw(served.port, `GET /metrics HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`);
  for (const host of ["127.0.0.1", `127.0.0.1:${served.port}`, "localhost:9000", "[::1]:9000", "barline.localhost"]) {
    assertEquals(await as(host), "HTTP/1.1 200 OK", host);
  }
  for (
    const host of ["evil.example", "evil.example:9000", "localhost.evil.example", "192.0.2.1", "127.0.0.1.evil.example"]
  ) {
    assertEquals(await as(host), "HTTP/1.1 403 Forbidden", host);
  }
  assertEquals(await as("proxy.example", `Authorization: Bearer ${token}\r\n`), "HTTP/1.1 200 OK");
});

Deno.test("connections that never finish their request delay no other client, and no stop", async () => {
  await using served = start();
  const slow = await Promise.all(
    Array.from({ length: 300 }, () => Deno.connect({ hostname: "127.0.0.1", port: served.port })),
  );
  try {
    for (const connection of slow) await connection.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: "));
    assertEquals((await served.ask("/healthz")).status, 200);
    await served[Symbol.asyncDispose]();
  } finally {
    for (const connection of slow) connection.close();
  }
});

Deno.test("every answer has headers that restrict browsers", async () => {
  await using served = start();
  for (const path of [...PAGES, "/nowhere", "/-/drain"]) {
    const { headers } = await served.ask(path);
    assertEquals(headers.get("x-content-type-options"), "nosniff", path);
    assertStringIncludes(headers.get("content-security-policy")!, "frame-ancestors 'none'");
    assertStringIncludes(headers.get("content-security-policy")!, "default-src 'none'");
    assertEquals(headers.get("access-control-allow-origin"), null);
  }
});

for (
  const [what, body, status, message] of [
    ["too long", "x".repeat(70_000), 413, "it is longer than 65536 bytes"],
    ["too long, and its length untold", new Blob(["x".repeat(70_000)]).stream(), 413, "it is longer than 65536 bytes"],
    ["no JSON", "{", 400, "expected one JSON object"],
    ["a list", "[]", 400, "expected one JSON object"],
    ["never finished", new ReadableStream({ start() {} }), 408, "it did not come in time"],
  ] as const
) {
  Deno.test(`a body that is ${what} is refused with ${status}`, async () => {
    const request = new Request("http://localhost/", { method: "POST", body });
    const error = await readObject(request, 50).catch((error) => error);
    assert(error instanceof RequestError);
    assertEquals(error.status, status);
    assertStringIncludes(error.message, message);
  });
}

Deno.test("only addresses of this machine count as loopback", () => {
  for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1"]) assert(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "localhost.example", "1270.0.0.1"]) {
    assert(!isLoopback(host), host);
  }
});

Deno.test("a request whose address cannot be read is answered with 400, and leaves nothing in the log", async () => {
  await using served = start();
  for (const host of ["x:abc", "\u202e\u009b31m", "a b"]) {
    const answer = await raw(served.port, `GET /${"a".repeat(60_000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert(answer.startsWith("HTTP/1.1 400"), answer);
  }
  assertEquals(served.logged, []);
});

Deno.test("a query with the character %00 is answered with 400", async () => {
  await using served = start();
  for (const path of ["/api/symbols?search=%00", "/health?tenant=a%00b", "/api/bars?%00=x"]) {
    assertEquals((await served.ask(path)).status, 400);
  }
  assertEquals(served.logged, []);
});

Deno.test("a proxy on the same machine needs the token to read for others", async () => {
  const token = "0123456789abcdef";
  await using served = start("127.0.0.1", token);
  for (const header of ["X-Forwarded-For", "Forwarded", "X-Real-IP"]) {
    const headers = { [header]: "192.0.2.7" };
    assertEquals((await served.ask("/api/dead-letters", { headers })).status, 401);
    assertEquals((await served.ask("/api/dead-letters", { headers: { ...headers, ...bearer(token) } })).status, 200);
    assertEquals((await served.ask("/readyz", { headers })).status, 200);
  }
  assertEquals((await served.ask("/api/dead-letters")).status, 200);
});
