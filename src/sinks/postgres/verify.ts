/**
 * The check of series ids in the transaction that writes rows under them.
 *
 * A cached id needs proof: a restore in place, a failover or a deletion may have given it to another series, or removed
 * it. The writer takes its locks before it reads the names, so that neither can change between the check and the
 * commit: a deletion of series waits for writers (see the trigger `barline_keep_series`), and so does a replacement of
 * the tables. The table of series comes first, as `pg_restore --clean` drops it first: in another order the two could
 * deadlock.
 *
 * @module
 */
import type { SynchronousCommit } from "../../database/commit_risk.ts";
import { SCHEMA_VERSION } from "../../database/migrate.ts";
import { CLOSED_LOAD, NEWER_SCHEMA } from "../../database/faults.ts";
import type { Names } from "../../database/names.ts";
import { MARK, type SeriesCheck } from "./series.ts";

/**
 * SQLSTATE, in a class of Barline's own, of a batch whose ids belong to other series now. Nothing of the batch is
 * written.
 */
export const OTHER_SERIES = "BL001";

/** The error of an upsert whose ids belong to other series; has the fields of a server's error. */
export function otherSeriesError(): Error {
  return Object.assign(new Error("Cannot write: the ids of the series are others than before"), {
    code: OTHER_SERIES,
    severity: "ERROR",
  });
}

/** The error of an upsert into a schema that a newer program has migrated; see {@linkcode otherSeriesError}. */
export function newerSchemaError(): Error {
  return Object.assign(new Error(NEWER), { code: NEWER_SCHEMA, severity: "ERROR" });
}

/** The error of an upsert for a load that is closed; see {@linkcode otherSeriesError}. */
export function closedLoadError(): Error {
  return Object.assign(new Error(CLOSED), { code: CLOSED_LOAD, severity: "ERROR" });
}

const CLOSED = "Cannot write: the load of the records is undone, or is not known any more";

/** How long after its last reservation of times a load without an end counts as running: it may have been killed. */
const RUNNING = "interval '1 hour'";

/**
 * An expression that is true while other loads run. Each is recorded before it gives a time of receipt, and reserves later
 * times than those before it: a load that writes a later time sees the load that may still write an earlier one. OFFSET 0
 * makes the server look at the times of the last hour first, and not at all loads there have ever been.
 */
export const otherLoadsQuery = ({ of }: Names, own: string): string =>
  `EXISTS (SELECT FROM ${
    of("load_time")
  } t WHERE t.starts > now() - ${RUNNING} AND t.load_id <> ALL (${own}) AND EXISTS (
    SELECT FROM ${of("load")} l WHERE l.id = t.load_id AND l.ended_at IS NULL AND l.undo_began_at IS NULL OFFSET 0))`;

/** A query for the open loads, which stay open until the transaction ends, since an undo waits for it. */
export const openLoadsQuery = ({ of }: Names, ids: string): string =>
  `SELECT l.id FROM ${of("load")} l WHERE l.id = ANY (${ids}) AND l.undo_began_at IS NULL FOR SHARE`;

const NEWER = "Cannot write: a newer program has migrated the database";

/** A query that finds whether a newer program has migrated the database since the start. */
export const isNewerQuery = ({ of }: Names): string =>
  `SELECT EXISTS (SELECT FROM ${of("barline_migration")} m WHERE m.version > ${SCHEMA_VERSION})`;

/** SQL for the combined mark of the series of these ids. */
export function markQuery({ of }: Names, ids: string): string {
  return `SELECT coalesce(bit_xor(${MARK}), 0) FROM ${of("series_key")} s WHERE s.id = ANY (${ids})`;
}

/** Settings of a transaction that writes. */
export interface WriteSettings {
  /** Set in each transaction, as a role or a database may have another default. */
  readonly synchronousCommit: SynchronousCommit;
  /** Longest run of a statement, in milliseconds; `undefined` keeps the session's. */
  readonly statementTimeoutMs?: number;
}

/**
 * Statements to go before a COPY in the same simple query, which is one transaction. They return no rows, which a COPY
 * stream could not take. Settings are local, so that they reach the right session behind a connection pooler too.
 */
export function copyPrelude(
  table: string,
  names: Names,
  { ids, mark }: SeriesCheck,
  settings: WriteSettings,
  loads: readonly number[] = [],
): string {
  const { synchronousCommit, statementTimeoutMs } = settings;
  const timeout = statementTimeoutMs === undefined
    ? ""
    : `SET LOCAL statement_timeout = ${Math.trunc(statementTimeoutMs)};\n`;
  const openLoads = loads.length === 0 ? "" : `
  IF ${loads.length} > (SELECT count(*) FROM (${openLoadsQuery(names, `'{${loads.join()}}'`)}) AS l) THEN
    RAISE EXCEPTION '${CLOSED}' USING ERRCODE = '${CLOSED_LOAD}';
  END IF;`;
  // A snapshot from before the locks, as in a stricter isolation, would show the earlier names.
  return `SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET LOCAL synchronous_commit = ${synchronousCommit};
${timeout}LOCK TABLE ${names.of("series_key")} IN ACCESS SHARE MODE;
LOCK TABLE ${names.of(table)} IN ROW EXCLUSIVE MODE;
DO $check$ BEGIN
  IF (${isNewerQuery(names)}) THEN RAISE EXCEPTION '${NEWER}' USING ERRCODE = '${NEWER_SCHEMA}'; END IF;
  IF (${markQuery(names, `'{${ids.join()}}'::int4[]`)}) IS DISTINCT FROM '${mark}'::int8 THEN
    RAISE EXCEPTION 'The ids of the series are others than before' USING ERRCODE = '${OTHER_SERIES}';
  END IF;${openLoads}
END $check$;
`;
}
