/**
 * What a database is to the rest: something to connect to. PostgreSQL elsewhere and the embedded one differ only here.
 *
 * @module
 */
import type { Client } from "pg";

/** A database that can be connected to. */
export interface Database extends AsyncDisposable {
  /** Address for people, without secrets. */
  readonly label: string;
  /** Most connections that can work at once. */
  readonly maxConnections: number;
  /** Whether it takes binary COPY. */
  readonly supportsCopy: boolean;
  /**
   * Opens a connection; host names are asked again each time. The caller ends it.
   *
   * @throws {Error} If it cannot be opened in time; a server's refusal keeps its SQLSTATE in `code`.
   */
  connect(): Promise<Client>;
}

/** Connects, runs `fn`, and ends the connection. */
export async function withClient<T>(database: Database, fn: (client: Client) => Promise<T>): Promise<T> {
  const client = await database.connect();
  try {
    return await fn(client);
  } finally {
    await client.end().catch(() => {});
  }
}
