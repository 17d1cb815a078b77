import { assertEquals } from "@std/assert";
import { inspectFile } from "../../src/providers/replay/inspect.ts";
import { recordKinds } from "../../src/records/mod.ts";
import { loadFiles } from "../bench/barline.ts";
import { FORMAT_FILES, given, optionsOf } from "../support/formats.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer, type Workspace } from "../support/workspace.ts";

type Row = (string | number)[];

const server = await startSharedServer();
const SEED = "1";

/** Has Python write a file of each format, and gives its bars by the names of the files. */
async function write(directory: string): Promise<Record<string, Row[]> | undefined> {
  const args = [new URL("writer.py", import.meta.url).pathname, directory, SEED];
  try {
    const { success, stdout, stderr } = await new Deno.Command("python3", { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const directory = await Deno.makeTempDir({ prefix: "barline-formats-" });
Deno.test.afterAll(() => Deno.remove(directory, { recursive: true }));
const written = await write(directory);
const missing = missingServer() ?? (written === undefined ? "there is no Python 3.9 with time zones" : undefined);
const sorted = (rows: Row[]) => rows.toSorted((one, other) => Number(one[2]) - Number(other[2]));

Deno.test("Python writes a file of each format", () => {
  const formats = (paths: Iterable<string>) => new Set(Array.from(paths, (path) => path.split("/", 1)[0]));
  if (written !== undefined) {
    assertEquals(formats(Object.keys(written)), new Set(FORMAT_FILES.map(({ format }) => format)));
  }
});

let work: Workspace | undefined;
Deno.test.afterAll(async () => await work?.[Symbol.asyncDispose]());

/** Loads a file, and gives the rows of the table. */
async function load(path: string, format: ReturnType<typeof given>): Promise<Row[]> {
  if (work === undefined) {
    work = await openWorkspace(server);
    await work.migrate();
  }
  await work.query("TRUNCATE bar, series_key RESTART IDENTITY");
  await loadFiles({ database: work.database, dataDir: work.dataDir, workers: 1, batchSize: 5000 }, [path], format);
  const rows = await work.query(
    "SELECT symbol, timeframe, extract(epoch FROM ts) * 1000000 AS us, open, high, low, close, volume FROM bars",
  );
  const numbers = ["us", "open", "high", "low", "close", "volume"];
  return sorted(rows.map((row) => [row.symbol, row.timeframe, ...numbers.map((name) => Number(row[name]))] as Row));
}

for (const { format, file, answers = {} } of FORMAT_FILES) {
  const name = `${format}/${file}`;
  const expected = written?.[name];
  if (written !== undefined && expected === undefined) continue;
  testWhere(
    missing,
    `${name}: each value is in the table, by --format and by the command that inspect prints`,
    async () => {
      const path = `${directory}/${name}`;
      const flags = given({ format, ...answers });
      assertEquals(await load(path, flags), sorted(expected!), "--format");
      const settings = { kinds: [recordKinds.bar] as never, timeframe: "1m", timeUnit: "iso", format: flags };
      const { command = "", questions } = await inspectFile({ path }, settings);
      assertEquals(questions, undefined);
      const { file: _, ...printed } = optionsOf(command);
      // Options that are the same are not loaded twice.
      if (JSON.stringify(given(printed)) === JSON.stringify(flags)) return;
      assertEquals(await load(path, given(printed)), sorted(expected!), command);
    },
  );
}
