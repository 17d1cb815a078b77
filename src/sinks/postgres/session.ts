/**
 * What is known of one connection: the ids of series, and whether its session is its own.
 *
 * @module
 */
import type { Client } from "pg";
import type { Database } from "../../database/database.ts";
import { isPooled } from "../../database/pooler.ts";
import type { MarketRecord, RecordKind } from "../../records/record.ts";
import { createSeriesIndex, type SeriesIndex } from "./series.ts";
import type { WriteSettings } from "./verify.ts";

/** A connection, and what is known of it. Ends with it. */
export interface Session {
  readonly client: Client;
  readonly series: SeriesIndex;
  /** What each transaction has to set for itself, as the session cannot keep it. */
  settings(): Promise<WriteSettings>;
}

/** Options of {@linkcode createSessions}. */
export interface SessionOptions {
  database: Pick<Database, "statementTimeoutMs">;
  kind: RecordKind<MarketRecord>;
  tenant: string;
  notice?: (message: string) => void;
}

/** Gives the session of each connection, always the same one. */
export function createSessions({ database, kind, tenant, notice }: SessionOptions): (client: Client) => Session {
  const sessions = new WeakMap<Client, Session>();
  return (client) => {
    const known = sessions.get(client);
    if (known !== undefined) return known;
    const { statementTimeoutMs } = database;
    let settings: Promise<WriteSettings> | undefined;
    const session: Session = {
      client,
      series: createSeriesIndex({ client, kind, tenant, notice }),
      settings: () =>
        settings ??= statementTimeoutMs === undefined
          ? Promise.resolve({})
          : isPooled(client).then((pooled) => pooled ? { statementTimeoutMs } : {}),
    };
    sessions.set(client, session);
    return session;
  };
}
