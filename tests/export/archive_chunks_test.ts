import { assertEquals } from "@std/assert";
import { planArchive, timescaleBeside } from "../../src/config/archive.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { applyTimescale } from "../../src/database/timescale/apply.ts";
import { runArchive } from "../../src/export/archive/archive.ts";
import { openDirectoryPlace } from "../../src/export/directory_place.ts";
import { select, writeOnce } from "../support/lanes.ts";
import { minuteBars } from "../support/rollups.ts";
import { startTimescale, type TimescaleServer } from "../support/timescale.ts";

let server: TimescaleServer;
Deno.test.beforeAll(async () => void (server = await startTimescale()));
Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());

const DAY_MS = 86_400_000;

Deno.test("chunks are dropped whole once the days of all their series are archived, and no policy drops them", async () => {
  const directory = await Deno.makeTempDir();
  const database = await server.open();
  await prepareDatabase(database);
  const archive = { output: directory, retention: "30d" };
  const timescale = { chunkInterval: "1d", retention: "30d" };
  await applyTimescale(database, timescaleBeside(archive, timescale), (problem) => Promise.reject(problem));
  const jobs = await select(
    database,
    "SELECT 1 FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention' AND hypertable_schema = current_schema()",
  );
  assertEquals(jobs, []);
  const start = Date.UTC(2024, 2, 1);
  for (const day of [0, 1, 5]) await writeOnce(database, minuteBars(start + day * DAY_MS, 60));
  await select(database, "SELECT compress_chunk(chunk) FROM show_chunks('bar') AS chunk LIMIT 1");
  const count = Number((await select(database, "SELECT count(*) AS count FROM bar"))[0].count);

  // The last day is younger than the retention.
  const options = {
    database,
    plan: planArchive(archive, timescale),
    openPlace: (address: string) => Promise.resolve(openDirectoryPlace(address)),
    now: start + 34 * DAY_MS,
  };
  const counts = await runArchive(options);
  assertEquals([counts.files, counts.archived, counts.dropped], [3, count, count / 3 * 2]);
  const left = await select(database, "SELECT count(*)::int AS count, min(ts) AS first FROM bar");
  assertEquals(left, [{ count: count / 3, first: new Date(start + 5 * DAY_MS) }]);
  assertEquals((await select(database, "SELECT show_chunks('bar')")).length, 1);
  assertEquals(await runArchive(options), { files: 0, archived: 0, dropped: 0 });
  await Deno.remove(directory, { recursive: true });
});
