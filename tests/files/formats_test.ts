import { assertEquals, assertRejects } from "@std/assert";
import { presets } from "../../src/files/presets/mod.ts";
import type { Bar } from "../../src/records/bar.ts";
import { FORMAT_FILES, type FormatFile, given, pathOf, readBars } from "../support/formats.ts";
import { testWhere } from "../support/skip.ts";

/** Bars as the oracle lists them. */
type Row = (string | number | null)[];

const sorted = (rows: Row[]) => rows.toSorted((one, other) => JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
const rowOf = ({ symbol, timeframe, ts, open, high, low, close, volume, vwap, trades }: Bar): Row => [
  ...[symbol, timeframe, Math.round(ts * 1000), open, high, low, close, volume],
  vwap ?? null,
  trades ?? null,
];

async function readOracle(): Promise<Record<string, Row[]> | undefined> {
  try {
    const command = new Deno.Command("python3", { args: [new URL("oracle.py", import.meta.url).pathname] });
    const { success, stdout } = await command.output();
    return success ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const oracle = await readOracle();
const missingPython = oracle === undefined ? "there is no Python 3.9 with time zones" : undefined;

const isTold = ({ format, isGeneric }: FormatFile) => !isGeneric && presets.get(format)!.signatures !== undefined;

for (const each of FORMAT_FILES) {
  const { format, file, answers = {} } = each;
  testWhere(missingPython, `${format}: ${file} gives the bars that Python reads, with --format`, async () => {
    const { bars, refused } = await readBars(pathOf(each), given({ format, ...answers }));
    assertEquals(refused, []);
    assertEquals(sorted(bars.map(rowOf)), sorted(oracle![`${format}/${file}`]));
  });

  Deno.test(`${format}: ${file} needs answers for all missing facts at once, also with --format`, async () => {
    const flags = Object.keys(answers).map((name) =>
      `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    );
    if (flags.length === 0) return void await readBars(pathOf(each), given({ format }));
    const error = await assertRejects(() => readBars(pathOf(each), given({ format })), Error);
    const asked = Array.from(error.message.matchAll(/: add (--[a-z-]+)/g), ([, flag]) => flag);
    assertEquals(asked.toSorted(), flags.toSorted(), error.message);
  });

  if (!isTold(each)) continue;
  testWhere(missingPython, `${format}: ${file} is told by its signature`, async () => {
    const { bars, refused } = await readBars(pathOf(each), given(answers));
    assertEquals(refused, []);
    assertEquals(sorted(bars.map(rowOf)), sorted(oracle![`${format}/${file}`]));
  });
}

Deno.test("each format has a file of facts, and each file its format", () => {
  assertEquals(new Set(FORMAT_FILES.map(({ format }) => format)), new Set(presets.keys()));
});

Deno.test("a format that nothing identifies for sure is not detected as another", async () => {
  for (const each of FORMAT_FILES) {
    if (isTold(each)) continue;
    const error = await assertRejects(() => readBars(pathOf(each), given({})), Error);
    assertEquals(/header lacks|Times have no zone/.test(error.message), true, `${each.format}: ${error.message}`);
  }
});
