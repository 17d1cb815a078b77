/**
 * The server's own limit: two binary COPYs of the same rows, from files on its disk, at once.
 *
 * @module
 */
// @ts-types="@types/pg"
import { Client } from "pg";

/** Columns of the files. */
const COLUMNS = "series_id, ts, open, high, low, close, volume, vwap, received_at, trades, status";

/** Has the server write the rows of the table into two files of its data directory, and gives their paths. */
export async function makeLimitFiles(client: Client): Promise<readonly string[]> {
  const { rows: [{ directory, half }] } = await client.query(
    "SELECT current_setting('data_directory') AS directory, (count(*) + 1) / 2 AS half FROM bar",
  );
  const paths: string[] = [];
  for (const offset of [0, half]) {
    const path = `${directory}/barline-bench-${paths.length + 1}.copy`;
    await client.query(
      `COPY (SELECT ${COLUMNS} FROM bar ORDER BY ctid OFFSET ${offset} LIMIT ${half}) TO '${path}' (FORMAT binary)`,
    );
    paths.push(path);
  }
  return paths;
}

/** Seconds that the server takes for all files at once, each on a connection of its own. */
export async function serverLimit(url: string, files: readonly string[]): Promise<number> {
  const clients = await Promise.all(files.map(async () => {
    const client = new Client({ connectionString: url });
    await client.connect();
    return client;
  }));
  const started = performance.now();
  await Promise.all(
    clients.map((client, at) => client.query(`COPY bar (${COLUMNS}) FROM '${files[at]}' (FORMAT binary)`)),
  );
  const seconds = (performance.now() - started) / 1000;
  for (const client of clients) await client.end();
  return seconds;
}
