import { assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { addressOf } from "../support/process.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

Deno.test("the mock fills the tables of all kinds, each through a separate queue, and again without a change", async () => {
  await using work = await openWorkspace(server);
  const args = ["--speed", "max", "--limit", "2000", "--symbols", "AAPL,MSFT"];
  const kinds = ["bar", "option", "fundamental", "news"].flatMap((kind) => ["--kind", kind]);
  const first = await work.ingest([...args, ...kinds]);
  assertEquals([first.code, first.json.received, first.json.deadLettered], [0, 2000, 0]);
  const counts = await work.query(
    `SELECT (SELECT count(*)::int FROM bars) AS bars, (SELECT count(*)::int FROM options) AS options,
       (SELECT count(*)::int FROM fundamentals) AS fundamentals, (SELECT count(*)::int FROM news) AS news`,
  );
  assertEquals(counts, [{ bars: 500, options: 500, fundamentals: 500, news: 500 }]);
  const [row] = await work.query(
    "SELECT underlying, expiry::text, type, strike > 0 AS sound, spot > 0 AS spot FROM options ORDER BY ts LIMIT 1",
  );
  assertEquals([row.sound, row.spot, String(row.expiry).length], [true, true, 10]);
  const [figures] = await work.query("SELECT period, items->>'revenue' > '0' AS revenue FROM fundamentals LIMIT 1");
  assertEquals(figures, { period: "2000Q1", revenue: true });
  const again = await work.ingest([...args, ...kinds]);
  assertEquals([again.code, again.json.stored, again.json.deadLettered], [0, 0, 0]);
});

Deno.test("files hold one kind, named by --kind; other records are dead-lettered", async () => {
  await using work = await openWorkspace(server);
  const options = await work.write(
    "options.csv",
    "underlying,expiration_date,contract_type,strike_price,as_of,bid,ask,implied_volatility\n" +
      "AAPL,2024-01-19,call,150,2024-01-02T14:30:00Z,1.5,1.6,0.31\n" +
      "AAPL,2024-01-19,put,0,2024-01-02T14:30:00Z,1.5,1.6,0.31\n",
  );
  const read = await work.ingest(["--kind", "option", "--file", options]);
  assertEquals([read.code, read.json.stored, read.json.deadLettered], [0, 1, 1]);
  assertEquals(await work.query("SELECT provider, symbol, underlying, type, strike, bid, iv, delta FROM options"), [{
    provider: "replay",
    symbol: "AAPL240119C00150000",
    underlying: "AAPL",
    type: "C",
    strike: 150,
    bid: 1.5,
    iv: 0.31,
    delta: null,
  }]);
  assertEquals((await work.letters())[0].metadata.kind, "option");
  const fundamentals = await work.write(
    "fundamentals.ndjson",
    '{"symbol":"AAPL","period":"FY2023","as_of":"2023-11-03T00:00:00Z","total_assets":352583000000,"eps":6.13,"items":{"cash":29965}}\n',
  );
  assertEquals((await work.ingest(["--kind", "fundamental", "--file", fundamentals])).json.stored, 1);
  assertEquals(await work.query("SELECT total_assets, net_income, eps, items FROM fundamentals"), [
    { total_assets: 352583000000, net_income: null, eps: 6.13, items: { cash: 29965 } },
  ]);
  const both = await work.ingest(["--kind", "bar", "--kind", "news", "--file", options]);
  assertEquals(both.code, 2);
  assertStringIncludes(both.stderr, 'Cannot use "kind" from --kind: there are several');
  const live = await work.ingest(["--kind", "option", "--provider", "kraken", "--symbols", "BTC/USD"]);
  assertEquals(live.code, 2);
  assertStringIncludes(live.stderr, "expected one of bar: kraken has nothing else");
});

testWhere(
  missingServer(),
  "a kind whose table is locked does not hold up the others, and has metrics of its own",
  async () => {
    await using work = await openWorkspace(server);
    await work.migrate();
    // Every write of news waits; those of bars do not.
    await work.query(
      `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN new; END $$;
     CREATE TRIGGER slow BEFORE INSERT ON news_item FOR EACH STATEMENT EXECUTE FUNCTION wait()`,
    );
    const running = work.startIngest([
      "--kind",
      "bar",
      "--kind",
      "news",
      "--http",
      "127.0.0.1:0",
      "--drain-timeout",
      "1",
    ]);
    const address = await addressOf(running);
    const value = async (series: string) => {
      const page = await (await fetch(`${address}/metrics`)).text();
      return Number(page.split("\n").find((line) => line.startsWith(`${series} `))!.slice(series.length + 1));
    };
    // More than the queue of news holds, so bars that come after it fills would wait behind news if they shared anything.
    while (await value('mds_worker_batches_written_total{coord_id="bar",worker_id="0",tenant="default"}') < 3) {
      await delay(20);
    }
    assertEquals(await value('mds_worker_batches_written_total{coord_id="news",worker_id="0",tenant="default"}'), 0);
    assertEquals(await value('mds_coord_circuit_state{coord_id="bar",tenant="default"}'), 0);
    running.kill("SIGTERM");
    await running.ended;
  },
);
