/**
 * Facts about a connection that its writers depend on.
 *
 * @module
 */
import type { Client } from "pg";
import type { SynchronousCommit } from "../../database/commit_risk.ts";
import type { Database } from "../../database/database.ts";
import type { Names } from "../../database/names.ts";
import { processOf } from "../../database/pooler.ts";
import type { RecordKind } from "../../records/kind.ts";
import { createSeriesIndex, type SeriesIndex } from "./series.ts";
import type { NewRows, Statements } from "./statements.ts";
import type { WriteSettings } from "./verify.ts";

/** A connection, with cached facts that end with it. */
export interface Session {
  readonly client: Client;
  /** Names of the tables. */
  readonly names: Names;
  readonly statements: Statements;
  readonly series: SeriesIndex;
  /** Reads once the facts that a writer depends on. */
  facts(): Promise<SessionFacts>;
}

/** Facts that a writer depends on. */
export interface SessionFacts {
  /** Settings of each transaction: behind a pooler the session cannot keep them. */
  readonly settings: WriteSettings;
  /** Whether a trigger of the user's may discard rows without an error. */
  readonly maySwallow: boolean;
  /** How an upsert distinguishes new rows. */
  readonly newRows: NewRows;
}

/** Triggers before each row, except those of TimescaleDB. The types are bits: 1 row, 2 before, 4 insert, 16 update. */
const FACTS = `SELECT pg_backend_pid() AS pid, EXISTS (
  SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE t.tgrelid = $1::regclass AND NOT t.tgisinternal AND t.tgenabled <> 'D'
    AND t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0 AND NOT starts_with(n.nspname::text, '_timescaledb')
) AS may_swallow, CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'old'
  WHEN (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = $1::regclass) THEN 'untold' ELSE 'xmax' END AS new_rows`;

/** Options of {@linkcode createSessions}. */
export interface SessionOptions {
  database: Pick<Database, "statementTimeoutMs" | "names">;
  kind: RecordKind;
  statementsIn: (names: Names) => Statements;
  tenant: string;
  synchronousCommit: SynchronousCommit;
  warn?: (message: string) => void;
}

/** Returns the session of each connection, always the same one. */
export function createSessions(
  { database, kind, statementsIn, tenant, synchronousCommit, warn }: SessionOptions,
): (client: Client) => Promise<Session> {
  const sessions = new WeakMap<Client, Session>();
  return async (client) => {
    const known = sessions.get(client);
    if (known !== undefined) return known;
    const names = await database.names(client);
    let facts: Promise<SessionFacts> | undefined;
    async function readFacts(): Promise<SessionFacts> {
      const { rows: [{ pid, may_swallow, new_rows }] } = await client.query(FACTS, [names.of(kind.table)]);
      const { statementTimeoutMs } = database;
      const isPooled = pid !== processOf(client);
      return {
        settings: isPooled && statementTimeoutMs !== undefined
          ? { synchronousCommit, statementTimeoutMs }
          : { synchronousCommit },
        maySwallow: may_swallow,
        newRows: new_rows,
      };
    }
    const session: Session = {
      client,
      names,
      statements: statementsIn(names),
      series: createSeriesIndex({ client, names, tenant, warn }),
      // An error is not cached: a missing table may exist the next time.
      facts: () =>
        facts ??= readFacts().catch((error) => {
          facts = undefined;
          throw error;
        }),
    };
    sessions.set(client, session);
    return session;
  };
}
