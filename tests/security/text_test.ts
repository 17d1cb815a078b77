import { assert, assertEquals } from "@std/assert";
import { addressOf } from "../support/process.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

/** Texts that harm whoever prints them, writes them into a line, or takes them for a page, a pattern or SQL. */
const HOSTILE = [
  "\x1b[2J\x1b]0;owned\x07",
  "\u009b31m",
  "\u202egnp.exe\u2066",
  "line\nAAPL,forged",
  "\r\u2028\u2029",
  '<img src=x onerror="alert(1)">',
  "'; DROP TABLE bar; --",
  '"}\n{"ts":1,"items":[],"metadata":{}}',
  "{reason} %s ${x}",
  "__proto__",
  "\u0000",
  "\ud800",
  "\u200b\ufeff",
];

/** Characters that must not reach a terminal. */
// deno-lint-ignore no-control-regex
const DANGEROUS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

Deno.test("hostile text in records breaks no line, terminal, page or statement, and comes back as it was", async () => {
  await using work = await openWorkspace(server);
  const bar = { timeframe: "1m", ts: "2024-01-02T14:30:00Z", open: 1, high: 2, low: 1, close: 1, volume: 1 };
  const records = HOSTILE.flatMap((text) => [
    { ...bar, symbol: text },
    { ...bar, symbol: "AAPL", ts: text },
    { ...bar, symbol: "AAPL", timeframe: text },
    { ...bar, symbol: "AAPL", status: text },
    { ...bar, symbol: "AAPL", close: text, volume: text },
  ]);
  const file = await work.write("bars.ndjson", records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  const outputs: string[] = [];
  const keep = ({ stdout, stderr }: { stdout: string; stderr: string }) => outputs.push(stdout, stderr);
  for (const format of ["text", "json"]) {
    const ended = await work.ingest(["--file", file, "--log-level", "debug", "--log-format", format]);
    assertEquals([ended.code, ended.json.deadLettered], [0, records.length - 1], "one is a name like any other");
    keep(ended);
  }
  const letters = await work.letters();
  assertEquals(letters.length, 2 * (records.length - 1));
  const symbols = letters.slice(0, records.length - 1).map(({ items }) => (items[0] as { symbol: string }).symbol);
  const sent = records.map(({ symbol }) => symbol).filter((symbol) => symbol !== "__proto__");
  assertEquals(symbols.sort(), sent.sort());

  const target = ["--data-dir", work.dataDir];
  for (
    const args of [
      ["list"],
      ["list", "--json"],
      ["list", "--by", "reason"],
      ["show"],
      ["replay", "--dry-run", "--database", work.database],
      ["replay", "--dry-run", "--json", "--database", work.database],
      ["replay", "--log-level", "debug", "--database", work.database],
      ["show", "--where", `symbol=${HOSTILE[0]}`],
    ]
  ) {
    const ended = await work.run(["dlq", ...args, ...target]);
    assertEquals(ended.code, 0, ended.stderr);
    keep(ended);
  }
  keep(await work.run(["dlq", "show", "--where", `${HOSTILE[0]}=1`, ...target]));
  keep(await work.run(["dlq", "list", "--by", HOSTILE[1], ...target]));
  keep(await work.ingest(["--provider", HOSTILE[2]]));
  keep(await work.ingest(["--file", HOSTILE[0]]));
  for (const output of outputs) {
    const found = DANGEROUS.exec(output);
    assert(
      found === null,
      `${JSON.stringify(output.slice(Math.max(0, (found?.index ?? 0) - 80), (found?.index ?? 0) + 80))}`,
    );
  }

  const running = work.startIngest([
    "--file",
    file,
    "--provider",
    "replay",
    "--provider",
    "mock",
    "--http",
    "127.0.0.1:0",
  ]);
  const address = await addressOf(running);
  const pages = ["/metrics", "/health", "/api/overview", "/api/dead-letters", "/api/dead-letters/letters?limit=1000"];
  for (const path of pages) {
    const response = await fetch(`${address}${path}`);
    assertEquals(response.headers.get("content-type")?.includes("html"), false, path);
    assertEquals(response.headers.get("x-content-type-options"), "nosniff", path);
    const text = await response.text();
    if (path === "/metrics") assertEquals(/onerror|DROP|forged/.test(text), false);
    else if (path.includes("letters?")) {
      const found = JSON.parse(text).letters.map(({ items }: { items: { symbol: string }[] }) => items[0].symbol);
      assertEquals(HOSTILE.filter((symbol) => !found.includes(symbol)), ["__proto__"]);
    }
  }
  const page = await fetch(`${address}/<script>alert(1)</script>`);
  assertEquals((await page.text()).includes("script"), false);
  running.kill("SIGTERM");
  await running.ended;
  assertEquals(await work.query("SELECT symbol FROM series WHERE provider <> 'mock'"), [{ symbol: "__proto__" }]);
});
