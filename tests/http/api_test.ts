import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { addressOf } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

/** Minute bars of one symbol from an instant on, without those at the given places. */
function csv(symbol: string, from: string, count: number, holes: readonly number[]): string {
  const lines = Array.from({ length: count }, (_, at) => at).filter((at) => !holes.includes(at)).map((at) => {
    const ts = new Date(Date.parse(from) + at * 60_000).toISOString().replace(".000Z", "Z");
    return `${symbol},${ts},10,12,9,11,${100 + at}`;
  });
  return ["symbol,ts,open,high,low,close,volume", ...lines, ""].join("\n");
}

Deno.test("the API shows the run at a glance, the series and the bars of one, with the missing ones", async () => {
  await using work = await openWorkspace(server);
  // A Wednesday in session, New York's winter: minutes 3, 4 and 7 are missing.
  const file = await work.write("bars.csv", csv("SPY", "2013-11-13T15:00:00Z", 10, [3, 4, 7]));
  await work.ingest(["--file", file]);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const address = await addressOf(running);
  const get = async (path: string) => await (await fetch(`${address}${path}`)).json();

  const overview = await get("/api/overview");
  assertEquals(overview.state, "healthy");
  assertEquals(overview.unaccounted, 0);
  assertEquals(overview.coordinators[0].kind, "bar");
  assertEquals(overview.providers.map(({ name, state }: { name: string; state: string }) => [name, state]), [
    ["mock", "running"],
  ]);

  const { series, more } = await get("/api/symbols?search=sp");
  assertEquals(more, false);
  assertEquals(series, [{
    provider: "replay",
    symbol: "SPY",
    timeframe: "1m",
    lastTs: Date.parse("2013-11-13T15:09:00Z") / 1000,
    close: 11,
    barsToday: 0,
  }]);

  const found = await get("/api/bars?provider=replay&symbol=SPY&timeframe=1m");
  assertEquals(found.stepSeconds, 60);
  assertEquals(found.bars.length, 7);
  assertEquals(found.bars[0], {
    ts: Date.parse("2013-11-13T15:00:00Z") / 1000,
    open: 10,
    high: 12,
    low: 9,
    close: 11,
    volume: 100,
    status: "final",
  });
  const minute = (at: number) => Date.parse("2013-11-13T15:00:00Z") / 1000 + at * 60;
  assertEquals(found.gaps, [{ from: minute(3), to: minute(5), bars: 2 }, { from: minute(7), to: minute(8), bars: 1 }]);
  assertEquals((await get("/api/bars?provider=replay&symbol=SPY&timeframe=1m&limit=2")).bars.length, 2);
  assertEquals((await get("/api/bars?provider=x&symbol=NONE&timeframe=1m")).bars, []);

  for (
    const [query, words] of [
      ["provider=replay&timeframe=1m", '"symbol"'],
      ["provider=replay&symbol=SPY&timeframe=7m", "1m, 2m"],
      ["provider=replay&symbol=SPY&timeframe=1m&limit=0", "1 to 5000"],
    ]
  ) {
    const refused = await fetch(`${address}/api/bars?${query}`);
    assertEquals(refused.status, 400);
    assertStringIncludes(await refused.text(), words);
  }
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});

Deno.test("events send the overview again and again, and a stop ends them", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const response = await fetch(`${await addressOf(running)}/api/events`);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const received: number[] = [];
  const started = performance.now();
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (const [, data] of chunk.matchAll(/^event: overview\ndata: (.*)$/gm)) {
      received.push(JSON.parse(data).ledger.received);
    }
    if (received.length === 4) running.kill("SIGTERM");
  }
  assert(text.startsWith("event: samples\ndata: ["));
  assert(received.length >= 4 && received[3] > received[0]);
  assert(performance.now() - started > 1400, "more than two updates a second");
  assertEquals((await running.ended).code, 0);
});

Deno.test("the cockpit comes with a policy that lets nothing foreign in, and its files name no other server", async () => {
  await using work = await openWorkspace(server);
  const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"]);
  const address = await addressOf(running);
  const page = await fetch(address);
  const html = await page.text();
  assertStringIncludes(page.headers.get("content-security-policy")!, "default-src 'none'; script-src 'self'");
  for (const [, path] of html.matchAll(/(?:src|href)="(\/cockpit\/[^"]+)"/g)) {
    const file = await fetch(`${address}${path}`);
    assertEquals(file.status, 200);
    await file.body?.cancel();
  }
  for (const name of ["cockpit", "charts", "lightweight-charts"]) {
    const text = await (await fetch(`${address}/cockpit/${name}.js`)).text();
    for (const [, from] of text.matchAll(/\bfrom\s?"([^"]+)"/g)) assert(/^(\.|\/cockpit\/)/.test(from), from);
  }
  const again = await fetch(address, { headers: { "if-none-match": page.headers.get("etag")! } });
  assertEquals([again.status, await again.text()], [304, ""]);
  running.kill("SIGTERM");
  await running.ended;
});
