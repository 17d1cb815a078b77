import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testWhere } from "../support/skip.ts";
import { missingTerminal, startAtTerminal } from "../support/terminal.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

const BARS = `ts,symbol,open,high,low,close,volume
2024-01-02T14:30:00Z,AB,1,2,0.5,1.5,100
2024-01-02T14:31:00Z,AB,1.5,2.5,1,2,0.25
2024-01-02T14:36:00Z,AB,2,3,2,2.5,50
`;

testWhere(
  missingTerminal,
  "candles draws at a terminal, prints a table elsewhere, and says which bars there are",
  async () => {
    await using work = await openWorkspace(server);
    assertEquals((await work.ingest(["--file", await work.write("bars.csv", BARS)])).code, 0);
    const args = ["candles", "--database", work.database, "--data-dir", work.dataDir];
    const candles = (...more: string[]) => work.run([...args, ...more]);

    assertEquals(
      (await candles("AB", "--timeframe", "5m")).stdout,
      `ts                    open  high  low  close  volume
--------------------  ----  ----  ---  -----  ------
2024-01-02T14:30:00Z     1   2.5  0.5      2  100.25
2024-01-02T14:35:00Z     2     3    2    2.5      50
(2 rows)
`,
    );
    const last = (await candles("AB", "--last", "1")).stdout.split("\n");
    assertEquals([last.length, last[2].slice(0, 20)], [5, "2024-01-02T14:36:00Z"]);

    const terminal = startAtTerminal([...args, "AB"], { cwd: work.directory, columns: 70, rows: 20 });
    const shown = await terminal.until(/┘\n01-02 14:30/);
    assertEquals(await terminal.ended, 0);
    assertStringIncludes(shown, "AB 1m replay  2.5  +150.00 %  2024-01-02 14:30 to 14:36 UTC");
    assertStringIncludes(shown, "◂ 2.5");

    const wrong: readonly [string[], number, string][] = [
      [[], 2, "name a symbol"],
      [["AB", "CD"], 2, 'Cannot understand "CD"'],
      [["ab"], 1, 'Cannot find bars of "ab" at 1m: no series of that symbol is stored'],
      [["AB", "--timeframe", "1w"], 1, "stored are 1m of replay"],
      [["AB", "--timeframe", "7m"], 2, 'Cannot use --timeframe: current value is "7m", expected one of 1s'],
      [["AB", "--last", "0"], 2, 'Cannot use --last: current value is "0", expected a whole number from 1 to 10000'],
    ];
    for (const [more, code, words] of wrong) {
      const ended = await candles(...more);
      assertStringIncludes(ended.stderr, words);
      assertEquals(ended.code, code);
    }
    assert(!(await candles("AB")).stdout.includes("\x1b"));
  },
);
