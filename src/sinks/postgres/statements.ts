/**
 * The SQL of a kind's table, generated from its columns. Identifiers come from the code, never from input.
 *
 * @module
 */
import type { RecordKind } from "../../records/kind.ts";
import type { Writers } from "../sink.ts";
import { otherReadsQuery, RECENT } from "../../database/history_reads.ts";
import { isNewerQuery, markQuery, openLoadsQuery, otherLoadsQuery } from "./verify.ts";
import { literal, type Names } from "../../database/names.ts";
import { furtherKey, observationOrder, quoteCode, SQL_TYPES } from "../../database/kinds.ts";
import { FORGET_TOUCHED, loggedQuery, noteTouched, returnedKey } from "./log.ts";

/**
 * How the server distinguishes a new row from an updated one: by a hidden column of the row, which partitioned tables
 * do not show; by the row's earlier values, from PostgreSQL 18 on; or not at all.
 */
export type NewRows = "xmax" | "old" | "untold";

/** Columns that an upsert returns of each row, by {@linkcode NewRows}. */
const RETURNING: Readonly<Record<NewRows, string>> = {
  xmax: "RETURNING old.xmax = 0 AS is_new",
  old: "RETURNING WITH (OLD AS before) before.series_id IS NULL AS is_new",
  untold: "RETURNING NULL::boolean AS is_new",
};

/** Statements that write a kind. */
export interface Statements {
  /** Appends rows from binary COPY data; fails with 23505 if a key exists. */
  readonly copy: string;
  /**
   * Inserts or updates rows given as one array parameter a column, followed by the ids of their series, each once, the
   * combined mark of those, and the setting of the commit. Returns one row: `is_newer`, whether a newer program has
   * migrated the schema, and `is_same`, whether the ids are still those of the series (nothing is written where the
   * schema is newer or the ids are others), `changed`, how many rows were inserted or updated, `inserted`, how many of
   * those are new, `null` where the server cannot distinguish them, and `touched`, how many have only got a newer time
   * of receipt.
   */
  readonly upsert: Readonly<Record<NewRows, string>>;
  /**
   * The same of records of loads of files: keeps the rows that a load replaces, but those of its own. Two more parameters are
   * the ids of the loads and their times. Its row has `is_open`, too: whether none of the loads is undone.
   */
  readonly keepingUpsert: Readonly<Record<NewRows, string>>;
  /** Counts existing rows, by keys in one array parameter a column. */
  readonly count: string;
}

/** Columns whose change alone does not rewrite a row. */
const UNCOMPARED = new Set(["received_at"]);

/**
 * A setting of the transaction in which the server counts rows that get a newer time of receipt alone. A returned row
 * does not show that: servers return its earlier values from version 18 on.
 */
const TOUCHED = "barline.touched";
/** Always true, and counts. */
const COUNT_TOUCHED = `set_config('${TOUCHED}', (current_setting('${TOUCHED}')::int4 + 1)::text, true) IS NOT NULL`;

/** Facts about the writing process. */
export interface ProcessFacts {
  /** When it started, in epoch ms. @default {now} */
  readonly startedAt?: number;
  /** The UUID with which it records its reads of history. @default {a new one: it records none} */
  readonly reader?: string;
  /** Whether an upsert logs the keys of the rows that it changes; see `log.ts`. @default {false} */
  readonly isLogged?: boolean;
}

/**
 * Makes the statements.
 *
 * **The order of observations.** An observation is newer than another of the same key where it is a revision and the
 * other is not, or where both are the same and it was received later. (A revision is a correction by the vendor, or a
 * bar that history gave after it was over; its time of receipt is the time of the request.) So a plain bar that a feed
 * repeats never replaces a correction, and history does only where its request came after the correction. The upsert
 * leaves a row alone that holds a newer observation. Hence deliveries commute: with any order of retries, replays,
 * lanes and writers, the table ends with the newest observation of each key. `rows.ts` applies the same order within a
 * batch.
 *
 * **Rows that would not change.** A row is rewritten for its time of receipt alone only where an older observation may
 * still come, which would otherwise win against the older time; see {@linkcode Writers}. To a reader such a row is
 * unchanged, and so it counts. Elsewhere, for instance when a file is read again, it stays unchanged.
 */
export function createStatements(
  kind: RecordKind,
  schema: Names,
  writers: Writers = "alone",
  { startedAt = Date.now(), reader = crypto.randomUUID(), isLogged = false }: ProcessFacts = {},
): Statements {
  const all = [{ name: "series_id", type: "int4" as const }, ...kind.columns];
  const table = schema.of(kind.table);
  const names = all.map(({ name }) => name);
  const key = ["series_id", ...kind.keyColumns];
  const payload = names.filter((name) => !key.includes(name));
  const compared = payload.filter((name) => !UNCOMPARED.has(name));
  const { revisions } = kind;
  const value = (row: string, name: string) =>
    name === revisions?.column
      ? `CASE ${row}.${name} ${
        Object.entries(revisions.sameAs).map(([code, same]) => `WHEN ${quoteCode(code)} THEN ${quoteCode(same)}`)
          .join(" ")
      } ELSE ${row}.${name} END`
      : `${row}.${name}`;
  const values = (row: string) => compared.map((name) => value(row, name)).join(", ");
  const order = (row: string) => observationOrder(kind, row);
  const isRecent = names.includes("ts") ? `excluded.ts > excluded.received_at - ${RECENT}` : "true";
  const isOwn = `old.received_at >= to_timestamp(${startedAt / 1000})`;
  // Only kinds with a history have revisions.
  const readsOthers = revisions !== undefined && (writers === "live" || writers === "history");
  const isRead = readsOthers
    ? "EXISTS (SELECT FROM reads r WHERE r.id = excluded.series_id AND excluded.ts >= r.starts AND excluded.ts < r.ends)"
    : "false";
  const marks = {
    many: "true",
    live: `${isRecent} OR ${isRead}`,
    history: `${isRecent} OR ${isOwn} OR ${isRead}`,
    alone: isOwn,
  }[writers];
  const parameters = all.map(({ type }, at) => `$${at + 1}::${SQL_TYPES[type]}[]`).join(", ");
  return {
    copy: `COPY ${table} (${names.join(", ")}) FROM STDIN (FORMAT binary)`,
    upsert: { xmax: upsert("xmax"), old: upsert("old"), untold: upsert("untold") },
    keepingUpsert: { xmax: upsert("xmax", true), old: upsert("old", true), untold: upsert("untold", true) },
    count: `SELECT count(*)::int4 AS count FROM ${table} old JOIN unnest(${
      key.map((name, at) => `$${at + 1}::${SQL_TYPES[all.find((column) => column.name === name)!.type]}[]`).join(", ")
    }) AS sent (${key.join(", ")}) ON ${key.map((name) => `old.${name} = sent.${name}`).join(" AND ")}`,
  };

  function upsert(newRows: NewRows, keeps = false): string {
    const [loads, times] = [all.length + 4, all.length + 5];
    const marked = keeps ? `${marks} OR ${otherLoadsQuery(schema, `$${loads}::int4[]`)}` : marks;
    const changes = `${order("excluded")} >= ${order("old")}
  AND ((${values("excluded")}) IS DISTINCT FROM (${values("old")})
    OR (${order("excluded")} > ${order("old")} AND (${marked}) AND ${COUNT_TOUCHED}${
      isLogged ? ` AND ${noteTouched(kind)}` : ""
    }))`;
    const known = keeps
      ? `loads AS MATERIALIZED (
  SELECT given.id, given.times::tstzmultirange AS times FROM unnest($${loads}::int4[], $${times}::text[]) AS given (id, times)
), open AS MATERIALIZED (
  ${openLoadsQuery(schema, `$${loads}::int4[]`)}
), `
      : "";
    const isOpen = keeps
      ? `,
    (SELECT count(*) FROM open) = cardinality($${loads}::int4[]) AS is_open, set_config('extra_float_digits', '1', true) AS exact`
      : "";
    const reads = readsOthers
      ? `reads AS MATERIALIZED (
  ${otherReadsQuery(schema, reader, `$${all.length + 1}::int4[]`)}
), `
      : "";
    return `WITH ${known}${reads}checked AS MATERIALIZED (
  SELECT (${markQuery(schema, `$${all.length + 1}::int4[]`)}) IS NOT DISTINCT FROM $${all.length + 2}::int8 AS is_same,
    (${isNewerQuery(schema)}) AS is_newer, set_config('synchronous_commit', $${all.length + 3}, true) AS synced,
    set_config('${TOUCHED}', '0', true) AS counting${isLogged ? `, ${FORGET_TOUCHED}` : ""}${isOpen}
), written AS (
INSERT INTO ${table} AS old (${names.join(", ")}) SELECT sent.* FROM checked, unnest(${parameters}) AS sent
WHERE checked.is_same AND NOT checked.is_newer${keeps ? " AND checked.is_open" : ""}
ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${payload.map((name) => `${name} = excluded.${name}`).join(", ")}
WHERE ${keeps ? keeping(changes) : changes}
${RETURNING[newRows]}${isLogged ? `, ${returnedKey(kind)}` : ""}
)${
      isLogged
        ? `, logged AS (
${loggedQuery(schema, kind)}
)`
        : ""
    }
SELECT checked.is_same, checked.is_newer${
      keeps ? ", checked.is_open" : ""
    }, counted.changed, counted.inserted, counted.touched
FROM checked, (
  SELECT count(*)::int4 AS changed, ${
      newRows === "untold" ? "NULL::int4" : "(count(*) FILTER (WHERE written.is_new))::int4"
    } AS inserted,
    current_setting('${TOUCHED}')::int4 AS touched FROM written
) AS counted`;
  }

  /**
   * The condition of an update that keeps the row as it was. Only here is the row known that is replaced, locked and newer than
   * any snapshot. Rows that the load itself has written are not kept.
   */
  function keeping(changes: string): string {
    const kept = payload.map((name) => `old.${name} AS ${name}`).join(", ");
    return `CASE WHEN ${changes} THEN coalesce((
    SELECT CASE WHEN old.received_at <@ l.times THEN true ELSE ${schema.of("keep_replaced")}(
      l.id, ${literal(kind.name)}, old.series_id, old.ts, ${furtherKey(kind, "old")}, old.received_at,
      (SELECT row_to_json(r) FROM (SELECT ${kept}) AS r)
    ) END FROM loads l WHERE excluded.received_at <@ l.times
  ), true) ELSE false END`;
  }
}
