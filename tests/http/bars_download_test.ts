import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { tableFromIPC } from "@uwdata/flechette";
import { parquetReadObjects } from "hyparquet";
import { createBarsDownloads } from "../../src/http/api/bars_download.ts";
import { RequestError } from "../../src/http/body.ts";
import { missingServer } from "../support/postgres.ts";
import { databaseAt } from "../support/server_tests.ts";
import { addressOf } from "../support/process.ts";
import { findPython } from "../support/python.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

const server = await startSharedServer();

const BARS = `ts,symbol,open,high,low,close,volume,vwap,trades
2024-01-02T14:30:00Z,AB,1,2,0.5,1.5,100,1.25,7
2024-01-02T14:31:00.250Z,AB,1.5,2.5,1,2,0.25,,
2024-01-02T14:35:00Z,AB,2,3,2,2.5,50,2.25,1
2024-01-02T14:31:00Z,"C D",1.5,2.5,1,2,0.25,,
`;
const NAMES = ["symbol", "provider", "timeframe"];

/** A store that is served, with bars of a file in it. */
async function openServed(bars = BARS) {
  const work = await openWorkspace(server);
  assertEquals((await work.ingest(["--file", await work.write("bars.csv", bars)])).code, 0);
  return await serve(work);
}

async function serve(work: Workspace) {
  const at = ["--database", work.database, "--data-dir", work.dataDir, "--http", "127.0.0.1:0"];
  const running = work.start(["serve", ...at]);
  const address = await addressOf(running);
  return {
    work,
    address,
    ask: (path: string, init?: RequestInit) => fetch(`${address}/api/bars.${path}`, init),
    async [Symbol.asyncDispose]() {
      running.kill("SIGTERM");
      const { code, stderr } = await running.ended;
      assertEquals(code, 0);
      const others = stderr.split("\n").filter((line) => !/^(\d{4}-\S+Z \[\w+\] barline: .*)?$/.test(line));
      assertEquals(others, [], "lines that are none of the log");
      await work[Symbol.asyncDispose]();
    },
  };
}

Deno.test("bars are the same in all formats, between the given times and up to the limit", async () => {
  await using served = await openServed();
  const { ask } = served;
  const text = async (path: string) => await (await ask(path)).text();
  const bytes = async (path: string) => await (await ask(path)).arrayBuffer();
  const head = "ts,symbol,provider,timeframe,open,high,low,close,volume,vwap,trades\n";
  const [first, second, third] = [
    "2024-01-02T14:30:00Z,AB,replay,1m,1,2,0.5,1.5,100,1.25,7\n",
    "2024-01-02T14:31:00.25Z,AB,replay,1m,1.5,2.5,1,2,0.25,,\n",
    "2024-01-02T14:35:00Z,AB,replay,1m,2,3,2,2.5,50,2.25,1\n",
  ];
  assertEquals(await text("csv?symbol=AB"), head + first + second + third);
  assertEquals(await text("csv?symbol=AB&limit=2&provider=replay"), head + first + second);
  assertEquals(await text("csv?symbol=AB&from=2024-01-02T14:31:00Z&to=2024-01-02T09:35:00-05:00"), head + second);
  assertEquals(await text("csv?symbol=AB&from=2030-01-01"), head);
  assertStringIncludes(await text("csv?symbol=C%20D&adjust=raw"), "2024-01-02T14:31:00Z,C D,replay");
  assertEquals(
    await text("csv?symbol=AB&timeframe=5m"),
    `${head}2024-01-02T14:30:00Z,AB,replay,5m,1,2.5,0.5,2,100.25,1.25,7\n` +
      "2024-01-02T14:35:00Z,AB,replay,5m,2,3,2,2.5,50,2.25,1\n",
  );

  const expected = [
    ["2024-01-02T14:30:00.000Z", 1, 2, 0.5, 1.5, 100, 1.25, 7],
    ["2024-01-02T14:31:00.250Z", 1.5, 2.5, 1, 2, 0.25, null, null],
    ["2024-01-02T14:35:00.000Z", 2, 3, 2, 2.5, 50, 2.25, 1],
  ];
  const columns = head.trim().split(",").filter((name) => !NAMES.includes(name));
  const rowsOf = (objects: readonly Record<string, unknown>[]) =>
    objects.map((row) => {
      assertEquals(NAMES.map((name) => row[name]), ["AB", "replay", "1m"]);
      const [ts, ...values] = columns.map((name) => row[name]);
      return [new Date(ts as Date).toISOString(), ...values.map((value) => value == null ? null : Number(value))];
    });
  const ndjson = (await text("ndjson?symbol=AB")).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(rowsOf(ndjson), expected);
  assertEquals(rowsOf(await parquetReadObjects({ file: await bytes("parquet?symbol=AB") })), expected);
  const table = tableFromIPC(await bytes("arrow?symbol=AB"), { useDate: true });
  assertEquals(rowsOf(table.toArray() as Record<string, unknown>[]), expected);
  assertEquals(tableFromIPC(await bytes("arrow?symbol=AB&from=2030-01-01")).numRows, 0);
});

Deno.test("a file has a length and a tag, comes in parts that make it whole, and is not sent to who has it", async () => {
  await using served = await openServed();
  for (const format of ["parquet", "arrow", "csv", "ndjson"]) {
    const path = `${format}?symbol=AB`;
    const ask = async (headers: Record<string, string>, method = "GET") => {
      const response = await served.ask(path, { headers, method });
      return {
        status: response.status,
        headers: response.headers,
        bytes: new Uint8Array(await response.arrayBuffer()),
      };
    };
    const { status, headers, bytes: none } = await ask({}, "HEAD");
    const size = Number(headers.get("content-length"));
    const etag = headers.get("etag")!;
    assertEquals([status, none.length, headers.get("accept-ranges")], [200, 0, "bytes"]);
    const whole = (await ask({})).bytes;
    assertEquals(whole.length, size);

    const parts: number[] = [];
    for (let from = 0; from < size; from += 100) {
      const part = await ask({ range: `bytes=${from}-${from + 99}` });
      const to = Math.min(from + 100, size);
      assertEquals([part.status, part.headers.get("etag")], [206, etag]);
      assertEquals(part.headers.get("content-range"), `bytes ${from}-${to - 1}/${size}`);
      assertEquals(part.headers.get("content-length"), String(to - from));
      parts.push(...part.bytes);
    }
    assertEquals(new Uint8Array(parts), whole);
    assertEquals((await ask({ range: "bytes=-8" })).bytes, whole.slice(-8));
    assertEquals((await ask({ range: "bytes=8-" })).bytes, whole.slice(8));
    const outside = await ask({ range: `bytes=${size}-` });
    assertEquals([outside.status, outside.headers.get("content-range")], [416, `bytes */${size}`]);
    const other = await ask({ range: "bytes=0-1", "if-range": '"another"' });
    assertEquals([other.status, other.bytes], [200, whole]);
    const known = await ask({ range: "bytes=0-1", "if-none-match": `W/${etag}` });
    assertEquals([known.status, known.bytes.length], [304, 0]);
  }
  const left = await Array.fromAsync(Deno.readDir(join(served.work.dataDir, "downloads")), ({ name }) => name);
  assertEquals(left.length, 4);
});

Deno.test("a wrong request for bars is refused with the parameter, its value and what is expected", async () => {
  await using served = await openServed();
  const cases: readonly [string, number, string][] = [
    ["", 400, 'without "symbol"'],
    ["?symbol=AB&timeframe=7m", 400, 'parameter "timeframe": current value is "7m", expected one of 1s, 5s'],
    ["?symbol=AB&adjust=split", 400, 'parameter "adjust": current value is "split", expected "raw"'],
    ["?symbol=AB&from=yesterday", 400, 'parameter "from": current value is "yesterday", expected a day like'],
    ["?symbol=AB&to=2024-01-02T14:30:00", 400, 'parameter "to": current value is "2024-01-02T14:30:00"'],
    ["?symbol=AB&from=2024-01-03&to=2024-01-02", 400, 'expected a time after "from", which is "2024-01-03"'],
    [
      "?symbol=AB&limit=0",
      400,
      'parameter "limit": current value is "0", expected a whole number from 1 to 10,000,000',
    ],
    ["?symbol=AB&limit=1e3", 400, 'parameter "limit": current value is "1e3"'],
    ["?symbol=AB&symbol=CD", 400, 'Cannot use "symbol" twice'],
    ["?symbol=AB&form=2024-01-02", 400, 'Cannot use the parameter "form": expected one of symbol, provider'],
    ["?symbol=ab", 404, 'bars of "ab" at 1m: no series of that symbol is stored'],
    ["?symbol=AB&timeframe=1w", 404, "stored are 1m of replay"],
    ["?symbol=AB&provider=kraken", 404, 'of provider "kraken": stored are 1m of replay'],
  ];
  for (const format of ["csv", "parquet"]) {
    for (const [query, status, words] of cases) {
      const response = await served.ask(`${format}${query}`);
      assertStringIncludes(await response.text(), words);
      assertEquals(response.status, status, query);
    }
  }
  const posted = await served.ask("csv?symbol=AB", { method: "POST" });
  await posted.body?.cancel();
  assertEquals(posted.status, 405);
});

Deno.test("a symbol of several providers needs the provider, and a stored timeframe comes before one that is rolled up", async () => {
  const work = await openWorkspace(server);
  await work.migrate();
  await work.query(
    `INSERT INTO series_key (tenant, provider, symbol, timeframe) VALUES
  ('default', 'alpaca', 'AB', '1m'), ('default', 'kraken', 'AB', '1m'), ('default', 'kraken', 'AB', '5m')`,
  );
  await work.query(
    `INSERT INTO bar (series_id, ts, open, high, low, close, volume, received_at)
SELECT id, '2024-01-02T14:30:00Z', 1, 1, 1, CASE timeframe WHEN '5m' THEN 5 ELSE 1 END, 1, now() FROM series_key`,
  );
  await using served = await serve(work);
  const unclear = await served.ask("csv?symbol=AB");
  assertEquals(unclear.status, 400);
  assertStringIncludes(await unclear.text(), "add provider= and one of alpaca, kraken");
  const close = async (query: string) => {
    const response = await served.ask(`ndjson?symbol=AB&${query}`);
    return [response.headers.get("x-barline-view"), JSON.parse(await response.text()).close];
  };
  assertEquals(await close("provider=alpaca&timeframe=5m"), ["bars_5m", 1]);
  assertEquals(await close("provider=kraken&timeframe=5m"), ["bars", 5]);
  assertEquals(await close("timeframe=5m"), ["bars", 5]);
});

Deno.test("a client that leaves ends its query, and a long answer is whole", async () => {
  const work = await openWorkspace(server);
  await work.migrate();
  await work.query(
    "INSERT INTO series_key (tenant, provider, symbol, timeframe) VALUES ('default', 'x', 'LONG', '1m')",
  );
  await work.query(
    `INSERT INTO bar (series_id, ts, open, high, low, close, volume, received_at)
SELECT (SELECT id FROM series_key), '2020-01-01T00:00:00Z'::timestamptz + n * interval '1 minute', 1, 1, 1, n, 1, now()
FROM generate_series(0, 150000) n`,
  );
  await using served = await serve(work);
  const readers = async () => {
    const [{ count }] = await work.query(
      `SELECT count(*)::int AS count FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%b.series_id = $1%' AND pid <> pg_backend_pid()`,
    );
    return count;
  };
  const leaving = await served.ask("csv?symbol=LONG");
  const reader = leaving.body!.getReader();
  await reader.read();
  while (await readers() !== 1) await delay(10);
  await reader.cancel();
  while (await readers() !== 0) await delay(10);

  const lines = (await (await served.ask("csv?symbol=LONG")).text()).trim().split("\n").slice(1);
  assertEquals(lines.length, 150_001);
  assertEquals(lines.map((line) => Number(line.split(",")[7])).every((close, at) => close === at), true);
});

testWhere(
  missingServer(),
  "a client that reads nothing for too long is disconnected, and its place is free",
  async () => {
    await using work = await openWorkspace(server);
    assertEquals((await work.ingest(["--file", await work.write("bars.csv", BARS)])).code, 0);
    const directory = join(work.directory, "downloads");
    await using downloads = createBarsDownloads({
      database: databaseAt(work.database),
      directory,
      stop: new AbortController().signal,
      stallMs: 2000,
    });
    const ask = () =>
      downloads.answer("default", "csv", new URLSearchParams({ symbol: "AB" }), new Request("http://127.0.0.1/"));
    const idle = await Promise.all(Array.from({ length: 8 }, ask));
    await assertRejects(ask, RequestError, "8 clients read some already");
    let free: Response | undefined;
    while (free === undefined) free = await ask().catch(() => delay(50).then(() => undefined));
    assertStringIncludes(await free.text(), "AB,replay,1m");
    await assertRejects(() => idle[0].text(), Error, "The client has read nothing for 2000 ms");
    for (const answer of idle.slice(1)) await answer.body!.cancel().catch(() => {});
  },
);

Deno.test("a tenant's token reads the bars of its tenant and of no other, in every format", async () => {
  await using work = await openWorkspace(server);
  const config = await work.write(
    "barline.yaml",
    `tenants:
  - { name: acme, httpToken: ACME_TOKEN }
  - { name: beta }
`,
  );
  const [acme, operator] = ["a-token-of-acme-alone", "a-token-of-the-operator"];
  const env = { BARLINE_HTTP_TOKEN: operator, ACME_TOKEN: acme };
  const file = await work.write("bars.csv", BARS);
  for (const tenant of ["acme", "beta"]) {
    assertEquals((await work.ingest(["--config", config, "--tenant", tenant, "--file", file], { env })).code, 0);
  }
  await work.query("UPDATE series_key SET symbol = 'BETA' WHERE tenant = 'beta' AND symbol = 'AB'");
  const running = work.start(
    ["serve", "--config", config, "--database", work.database, "--data-dir", work.dataDir, "--http", "127.0.0.1:0"],
    { env },
  );
  const address = await addressOf(running);
  const ask = async (path: string, token?: string) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${address}/api/bars.${path}`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  for (const format of ["csv", "ndjson", "parquet", "arrow"]) {
    assertEquals(await ask(`${format}?symbol=AB`), 401);
    assertEquals(await ask(`${format}?symbol=AB`, acme), 200);
    assertEquals(await ask(`${format}?symbol=BETA`, acme), 404);
    assertEquals(await ask(`${format}?symbol=BETA&tenant=beta`, acme), 403);
    assertEquals(await ask(`${format}?symbol=BETA&tenant=beta`, operator), 200);
    assertEquals(await ask(`${format}?symbol=BETA`, operator), 400);
  }
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
});

Deno.test("bars of the embedded database are read while a run writes it", async () => {
  await using work = await openWorkspace();
  const running = work.startIngest([
    "--provider",
    "mock",
    "--symbols",
    "AAPL",
    "--speed",
    "60",
    "--http",
    "127.0.0.1:0",
  ]);
  const address = await addressOf(running);
  const ask = (format: string) => fetch(`${address}/api/bars.${format}?symbol=AAPL`);
  let lines: string[] = [];
  while (lines.length < 3) {
    const response = await ask("csv");
    const text = await response.text();
    lines = response.ok ? text.trim().split("\n") : [];
    assert(response.ok || response.status === 404, text);
  }
  const rows = await parquetReadObjects({ file: await (await ask("parquet")).arrayBuffer() });
  assert(rows.length >= 2, String(rows.length));
  running.kill("SIGTERM");
  assertEquals((await running.ended).code, 0);
  const left = await Array.fromAsync(Deno.readDir(work.dataDir), ({ name }) => name);
  assertEquals(left.filter((name) => name === "downloads"), []);
});

const python = await findPython("readers", ["pyarrow==26.0.1", "pandas==3.1.1", "polars==2.1.0"]);

testWhere(
  python === undefined ? "there is no Python with venv" : undefined,
  "pandas and polars read bars by their addresses",
  async () => {
    await using served = await openServed();
    const url = (format: string) => JSON.stringify(`${served.address}/api/bars.${format}?symbol=AB`);
    const script = `
import os, sys, pandas as pd, polars as pl
for f in (
  lambda: pd.read_parquet(${url("parquet")}), lambda: pd.read_csv(${url("csv")}), lambda: pd.read_feather(${
      url("arrow")
    }),
  lambda: pd.read_json(${url("ndjson")}, lines=True), lambda: pl.read_parquet(${url("parquet")}),
  lambda: pl.scan_parquet(${url("parquet")}).select("ts", "close").collect(), lambda: pl.read_csv(${url("csv")}),
  lambda: pl.scan_csv(${url("csv")}).collect(), lambda: pl.read_ndjson(${url("ndjson")}), lambda: pl.read_ipc(${
      url("arrow")
    }),
): print(list(f()["close"]))
print(pd.read_parquet(${url("parquet")})["ts"].dtype)
sys.stdout.flush()
os._exit(0)  # Threads of polars end the process with an error otherwise.`;
    const { success, stdout, stderr } = await new Deno.Command(python!, { args: ["-c", script] }).output();
    assert(success, new TextDecoder().decode(stderr));
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    assertEquals(lines, [...Array(10).fill("[1.5, 2.0, 2.5]"), "datetime64[us, UTC]"]);
  },
);
