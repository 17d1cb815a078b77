/**
 * The statements that the documentation shows: the queries of docs/database.md, and those of docs/deployment.md that remove
 * what Barline has made.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Database } from "../../src/database/database.ts";
import { select, writeOnce } from "./lanes.ts";
import { minuteBars } from "./rollups.ts";

const MINUTE = 60_000;
/** The time of the as-of join. */
const NOON = Date.UTC(2024, 10, 24, 12);

async function readExamples(): Promise<string[]> {
  const page = await Deno.readTextFile(new URL("../../docs/database.md", import.meta.url));
  const section = page.slice(page.indexOf("## For readers"), page.indexOf("## TimescaleDB"));
  const lines = section.split("\n").filter((line) => line.startsWith("    "));
  return lines.join("\n").split(";").filter((sql) => sql.trim() !== "");
}

/** Stores bars until now and around the time of the as-of join in an empty database, and looks at the answers. */
export async function tryExamples(database: Database): Promise<void> {
  const symbols = ["BTC/USD", "ETH/USD"];
  const hourAgo = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;
  const bars = [...minuteBars(hourAgo, 60, symbols), ...minuteBars(NOON - 30 * MINUTE, 90, symbols)];
  await writeOnce(database, bars.map((bar) => ({ ...bar, provider: "kraken" })));
  const answers = [];
  for (const sql of await readExamples()) answers.push(await select(database, sql));
  assertEquals(answers.length, 6);
  const [candles, days, asOf, gaps, freshness, behind] = answers;
  assert(candles.length > 40 && days.length >= 1);
  assertEquals(asOf.map(({ symbol, ts }) => [symbol, ts]), [
    ["BTC/USD", new Date(NOON - MINUTE)],
    ["ETH/USD", new Date(NOON + 6 * MINUTE)],
  ]);
  assert(gaps.length > 0);
  assert(gaps.every(({ from, to }) => (from as Date) < (to as Date)));
  assertEquals(freshness.map(({ provider, series }) => [provider, Number(series)]), [["kraken", 2], ["kraken", 2]]);
  assertEquals(behind.map(({ symbol }) => symbol).sort(), ["BTC/USD", "ETH/USD"]);
}

/** The statements of docs/deployment.md between the comments of that name. */
async function readPart(name: string): Promise<string> {
  const page = await Deno.readTextFile(new URL("../../docs/deployment.md", import.meta.url));
  return page.slice(page.indexOf(`<!-- ${name} -->`), page.indexOf(`<!-- /${name} -->`)).replace(/^<!--.*$/m, "");
}

/** Removes a series and then everything, as the documentation says, and looks at what is left. */
export async function tryRemoval(database: Database): Promise<void> {
  const bars = minuteBars(NOON, 30, ["SPY", "QQQ"]);
  await writeOnce(database, bars.map((bar) => ({ ...bar, provider: "replay" })));
  await select(
    database,
    `INSERT INTO series_coverage (series_id, confirmed, updated_at, updated_by)
     SELECT id, tstzmultirange(tstzrange('2024-11-24', '2024-11-25')), now(), 'test' FROM series`,
  );
  const read = () =>
    select(database, "SELECT symbol, timeframe, bars::int AS bars FROM series ORDER BY symbol, timeframe");
  const rest = (await read()).filter(({ symbol, timeframe }) => symbol !== "SPY" || timeframe !== "1m");
  await select(database, await readPart("remove a series"));
  assertEquals(await read(), rest);
  assertEquals(await select(database, "SELECT count(*)::int AS rows FROM series_coverage"), [{ rows: rest.length }]);
  assertEquals(await select(database, "SELECT reason FROM series_doubt"), []);

  await select(database, await readPart("remove everything"));
  assertEquals(
    await select(
      database,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'p', 'S')
       UNION ALL SELECT proname FROM pg_proc p WHERE pronamespace = current_schema()::regnamespace
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`,
    ),
    [],
  );
}
