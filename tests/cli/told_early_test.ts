import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { csvFile, HEADER } from "../support/bars.ts";
import { errorsOf, openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

for (
  const [name, content] of [["wrong.csv", "date,close\n2024-01-02,1\n"], ["empty.csv", ""]] as const
) {
  Deno.test(`an unreadable ${name} is reported before a database or a directory is made`, async () => {
    await using work = await openWorkspace();
    const { code, stderr, json } = await work.ingest(["--file", await work.write(name, content)]);
    assertEquals([code, json.ended], [1, "failed"]);
    assertStringIncludes(stderr, `${name}": `);
    await assertRejects(() => Deno.stat(work.dataDir), Deno.errors.NotFound);
  });
}

Deno.test("a wrong header is reported with the found and the expected columns", async () => {
  await using work = await openWorkspace();
  const file = await work.write("bars.csv", "date,close\n");
  const { stderr } = await work.ingest(["--file", file]);
  assertEquals(errorsOf(stderr), [
    `Cannot read "${file}": header lacks symbol: add --constant symbol=AAPL, or --symbol-from '{symbol}.csv'. ` +
    'header lacks open, high, low, volume. Its first line is "date,close": add --column open=NAME --column ' +
    "high=NAME --column low=NAME --column volume=NAME. Timeframe is not in the file: add --timeframe 1m",
  ]);
});

Deno.test("--symbols beside a file reads the records of these symbols alone, and names symbols without any", async () => {
  await using work = await openWorkspace(server);
  const rows = ["AAPL", "MSFT", "TSLA"].map((symbol) => csvFile(10, symbol).replace(`${HEADER}\n`, ""));
  const file = await work.write("bars.csv", `${HEADER}\n${rows.join("")}`);
  const { code, json } = await work.ingest(["--file", file, "--symbols", "AAPL,TSLA"]);
  assertEquals([code, json.received, json.stored], [0, 20, 20]);
  const stored = await work.query("SELECT DISTINCT symbol FROM bars ORDER BY 1");
  assertEquals(stored, [{ symbol: "AAPL" }, { symbol: "TSLA" }]);
  const none = await work.ingest(["--file", file, "--symbols", "NVDA"]);
  assertEquals([none.code, none.json.received], [0, 0]);
  assertStringIncludes(none.stderr, "has no record of NVDA, of which alone it was to be read");
  const all = await work.ingest(["--file", file]);
  assertEquals([all.json.received, all.json.stored], [30, 10]);
});

for (
  const [args, says, never] of [
    [["publish"], 'Cannot understand "publish": there is no such command, barline --help lists them', "did you mean"],
    [["ingest", "--zzzz"], '"ingest" has no such option, barline ingest --help lists them', "did you mean"],
    [
      ["ingest", "--provider", "kraken"],
      'Cannot use "symbols" from the command line: kraken needs symbols of its own, and none are given: give some, as in ' +
      "--symbols BTC/USD,ETH/USD",
      "NVDA",
    ],
    [["ingest", "--provider", "mocc"], 'did you mean "mock"?', "ingest"],
  ] as const
) {
  Deno.test(`barline ${args.join(" ")} is answered with advice`, async () => {
    await using work = await openWorkspace();
    const { code, stderr } = await work.run(args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, says);
    assertEquals(stderr.includes(never), false, stderr);
  });
}

Deno.test("a file in the place of an option is answered with the option", async () => {
  await using work = await openWorkspace();
  await work.write("bars.csv", csvFile(3));
  const { code, stderr } = await work.run(["ingest", "bars.csv"]);
  assertEquals([code, errorsOf(stderr)], [
    2,
    ['Cannot understand "bars.csv": "ingest" takes only options, did you mean --file bars.csv?'],
  ]);
});
