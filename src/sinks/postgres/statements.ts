/**
 * The SQL of a kind's table, made from its columns. Identifiers come from the code, never from input.
 *
 * @module
 */
import type { MarketRecord, RecordKind } from "../../records/record.ts";
import { SQL_TYPES } from "../../database/kinds.ts";

/** Statements that write a kind. */
export interface Statements {
  /** Appends rows given as binary COPY data; fails with 23505 where a key is there already. */
  readonly copy: string;
  /** Inserts or updates rows given as one array parameter a column; the number of rows affected are those changed. */
  readonly upsert: string;
}

/** Columns whose change alone is no reason to rewrite a row. */
const UNCOMPARED = new Set(["received_at"]);

/**
 * Makes the statements.
 *
 * The upsert leaves a row alone when it holds a newer observation, and when nothing but the receive time would change.
 * So deliveries commute: whatever the order of retries, replays and lanes, the newest values stay. (The receive time
 * kept is that of the observation which last *changed* the row; a late, older one that differs is measured against it.)
 *
 * Where records are `unordered`, such a late one is nothing rare: then the receive time is kept up to date, although nothing
 * else changes, and deliveries commute without that exception.
 */
export function createStatements(kind: RecordKind<MarketRecord>, unordered = false): Statements {
  const all = [{ name: "series_id", type: "int4" as const }, ...kind.columns];
  const names = all.map(({ name }) => name).join(", ");
  const key = ["series_id", ...kind.keyColumns];
  const payload = all.map(({ name }) => name).filter((name) => !key.includes(name));
  const compared = payload.filter((name) => !UNCOMPARED.has(name));
  const changes = `(${compared.map((name) => `old.${name}`).join(", ")})
    IS DISTINCT FROM (${compared.map((name) => `excluded.${name}`).join(", ")})`;
  const wins = unordered
    ? `excluded.received_at > old.received_at OR (excluded.received_at = old.received_at AND ${changes})`
    : `excluded.received_at >= old.received_at AND ${changes}`;
  const parameters = all.map(({ type }, at) => `$${at + 1}::${SQL_TYPES[type]}[]`).join(", ");
  return {
    copy: `COPY ${kind.table} (${names}) FROM STDIN (FORMAT binary)`,
    upsert: `INSERT INTO ${kind.table} AS old (${names}) SELECT * FROM unnest(${parameters})
ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${payload.map((name) => `${name} = excluded.${name}`).join(", ")}
WHERE ${wins}`,
  };
}
