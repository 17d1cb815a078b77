/**
 * Reads the table of bars as the oracle orders it, in constant memory.
 *
 * @module
 */
import type { Client } from "pg";
import type { Payload } from "./oracle.ts";

/** Rows that are fetched at once. */
const ROWS = 20_000;

/** The bars that a connection sees, in the order of time and symbol. */
export async function* readTable(client: Client): AsyncGenerator<Payload> {
  // To sort millions of rows may take longer than anything else that is asked.
  await client.query("SET statement_timeout = 0");
  await client.query("BEGIN");
  await client.query(
    `DECLARE found CURSOR FOR SELECT symbol, (extract(epoch FROM ts) * 1000)::float8 AS ts, open, high, low, close, volume
    FROM bars ORDER BY bars.ts, symbol COLLATE "C"`,
  );
  while (true) {
    const { rows } = await client.query<Payload>(`FETCH ${ROWS} FROM found`);
    if (rows.length === 0) break;
    yield* rows;
  }
  await client.query("COMMIT");
}
