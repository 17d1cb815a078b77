import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Candle, drawCandles, fittingCandles, LEAST } from "../../../src/cli/candles/chart.ts";

const candle = (at: number, open: number, high: number, low: number, close: number, volume = 1): Candle => ({
  ts: Date.UTC(2024, 0, 2, 14, 30 + at),
  ...{ open, high, low, close, volume },
});
const FOUR = [candle(0, 1, 8, 1, 6), candle(1, 6, 7, 2, 4), candle(2, 4, 4, 1, 1), candle(3, 3, 5, 3, 5)];

// Seven rows are 14 halves, from 1 at the first to 8 at the last: 2 is at the third, 3 at the fifth, 4 at the seventh, 5 at the
// eighth, 6 at the tenth and 7 at the twelfth.
Deno.test("drawCandles() draws bodies and wicks to half a row, with the axis, the last price and the times", () => {
  const lines = drawCandles(FOUR, { columns: 40, rows: 10, color: false, title: "AB 1m" });
  assertEquals(
    lines,
    [
      "AB 1m",
      "│       │",
      "│ │     │",
      "┃ █     │",
      "┃ █ ▄ ┃ ◂ 5.0",
      "┃ │ █ ┃ │",
      "┃ │ █   │",
      "┃   █   │",
      "┴───────┘",
      "01-02 14:30",
    ].map((line, at) => at === 0 || at > 7 ? line : line),
  );
});

Deno.test("drawCandles() fills the given rows and no more columns than there are, for any bars", () => {
  const price = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
  const bar = fc.tuple(price, price, price, price, fc.double({ min: 0, max: 1e12, noNaN: true }));
  fc.assert(
    fc.property(
      fc.array(bar, { minLength: 1, maxLength: 300 }),
      fc.integer({ min: LEAST.columns, max: 200 }),
      fc.integer({ min: LEAST.rows, max: 60 }),
      (bars, columns, rows) => {
        const candles = bars.map(([a, b, c, d, volume], at) => {
          const [low, open, close, high] = [a, b, c, d].sort((one, other) => one - other);
          return candle(at, open, high, low, close, volume);
        });
        const lines = drawCandles(candles, { columns, rows, color: false, title: "AB" });
        assertEquals(lines.length, rows);
        for (const line of lines) assert(line.length <= columns, `${line.length} of ${columns}: ${line}`);
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("drawCandles() colours rising and falling bars, and only if colours are asked for", () => {
  const options = { columns: 40, rows: 10, title: "AB" };
  const colored = drawCandles(FOUR, { ...options, color: true }).join("\n");
  assert(colored.includes("\x1b[32m┃\x1b[0m") && colored.includes("\x1b[31m┃\x1b[0m"), colored);
  assert(!drawCandles(FOUR, { ...options, color: false }).join("\n").includes("\x1b"));
  assertEquals(fittingCandles(80), 34);
});
