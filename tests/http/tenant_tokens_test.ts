import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { addressOf } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const OPERATOR = "a-token-of-the-operator";
const ACME = "a-token-of-acme-alone";

Deno.test("a tenant's token shows its tenant and no other, and changes nothing that all share", async () => {
  await using work = await openWorkspace(server);
  const config = await work.write(
    "barline.yaml",
    `tenants:
  - { name: acme, symbols: [AAPL], httpToken: ACME_TOKEN }
  - { name: beta, symbols: [MSFT], http_token: BETA_TOKEN }
`,
  );
  const running = work.startIngest(["--config", config, "--http", "127.0.0.1:0"], {
    env: { BARLINE_HTTP_TOKEN: OPERATOR, ACME_TOKEN: ACME, BETA_TOKEN: "a-token-of-beta-alone" },
  });
  const address = await addressOf(running);
  const ask = async (path: string, token?: string, method = "GET", body?: string) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${address}${path}`, { method, headers, body });
    return { status: response.status, text: await response.text() };
  };
  while ((await ask("/api/symbols?search=AAPL", ACME)).text.length < 50) await delay(20);
  const pages = ["/health", "/api/overview", "/api/samples", "/api/symbols", "/api/dead-letters"];
  const bars = "/api/bars?provider=mock&timeframe=1m&symbol=";
  for (const path of [...pages, `${bars}AAPL`]) {
    const own = await ask(path, ACME);
    assertEquals(own.status, 200, path);
    assertEquals(/beta|MSFT/.test(own.text), false, `${path}: ${own.text}`);
    // Where tenants have tokens nobody reads without one, this machine's programs neither.
    assertEquals((await ask(path)).status, 401, path);
    assertEquals((await ask(path, "another")).status, 401, path);
    const named = `${path}${path.includes("?") ? "&" : "?"}tenant=`;
    assertEquals((await ask(`${named}acme`, ACME)).status, 200);
    assertEquals((await ask(`${named}beta`, ACME)).status, 403);
    assertEquals((await ask(`${named}gamma`, ACME)).status, 403);
    assertEquals((await ask(`${named}beta`, OPERATOR)).status, 200);
    assertEquals((await ask(`${named}gamma`, OPERATOR)).status, 404);
  }
  assertEquals(JSON.parse((await ask(`${bars}MSFT`, ACME)).text).bars, []);
  for (const [token, symbols] of [[ACME, /^(AAPL )+$/], [OPERATOR, /AAPL.*MSFT|MSFT.*AAPL/]] as const) {
    const headers = { authorization: `Bearer ${token}` };
    const stream = await fetch(`${address}/api/stream?from=1990-01-01`, { headers });
    let text = "";
    for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.length > 20_000) break;
    }
    assertMatch(Array.from(text.matchAll(/"symbol":"(\w+)"/g), ([, symbol]) => `${symbol} `).join(""), symbols);
  }
  assertEquals((await ask("/api/stream")).status, 401);
  const metrics = await ask("/metrics", ACME);
  assert(metrics.text.includes('tenant="acme"') && !metrics.text.includes('tenant="beta"'));

  const all = JSON.parse((await ask("/api/overview", OPERATOR)).text);
  assertEquals(all.tenants.map(({ name }: { name: string }) => name), ["acme", "beta"]);
  assertEquals(all.providers.map(({ name }: { name: string }) => name), ["acme/mock", "beta/mock"]);
  assertEquals(JSON.parse((await ask("/api/overview", ACME)).text).tenants, undefined);
  const unnamed = await ask("/api/symbols", OPERATOR);
  assertEquals(unnamed.status, 400);
  assertStringIncludes(unnamed.text, "?tenant=NAME");

  for (const path of ["/-/reload", "/-/drain"]) assertEquals((await ask(path, ACME, "POST")).status, 403);
  const pause = (provider: string, token: string) =>
    ask("/-/providers/pause", token, "POST", JSON.stringify({ provider }));
  assertEquals((await pause("beta/mock", ACME)).status, 400);
  assertEquals((await pause("mock", ACME)).status, 200);
  assertEquals((await pause("beta/mock", OPERATOR)).status, 200);
  const states = JSON.parse((await ask("/api/overview", OPERATOR)).text).providers;
  assertEquals(states.map(({ state }: { state: string }) => state), ["paused", "paused"]);

  const top = await work.run(["top", "--once", "--url", address], { env: { BARLINE_HTTP_TOKEN: OPERATOR } });
  assertStringIncludes(top.stdout, "acme/mock");
  const ownTop = await work.run(["top", "--once", "--url", address, "--tenant", "acme"], {
    env: { BARLINE_HTTP_TOKEN: ACME },
  });
  assertStringIncludes(ownTop.stdout, "tenant acme");
  assertEquals(ownTop.stdout.includes("beta"), false);
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});
