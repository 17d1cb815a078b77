/**
 * A connection for queries: read-only, in UTC, with a deadline for each statement.
 *
 * @module
 */
import type { Client } from "pg";
import Cursor from "pg-cursor";
import { connectToRead, cutClient, type Database, endClient } from "../../database/database.ts";
import { refusalOf, splitStatements, type Statement } from "../../database/door/statements.ts";
import { type OutputColumn, type TextRow, typeOf } from "../../files/write/column.ts";
import { UsageError } from "../command.ts";
import type { Output } from "./output.ts";
import { bindParameters, type Parameters } from "./parameters.ts";

/** Rows fetched at a time. */
const SLICE_ROWS = 5000;

/** See the module's description. */
export interface QuerySession extends AsyncDisposable {
  /** Runs the statements of a text one after the other, and writes their rows. */
  runAll(sql: string, parameters: Parameters, output: Output): Promise<void>;
  /** The schema of the tables. */
  schema(): string;
  /** Ends the statement in progress. */
  cancel(): void;
}

/** Statements that begin and end transactions, which the session does itself, as every statement here only reads. */
const TRANSACTIONS = ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"];

/** A statement in progress, and how it ends. */
interface Running {
  readonly client: Client;
  end: "itself" | "late" | "cancelled";
}

/** Opens a session. */
export async function openQuerySession(database: Database, timeoutMs: number): Promise<QuerySession> {
  // The embedded database ends no statement by itself.
  const graceMs = database.snapshots === undefined ? GRACE_MS : 0;
  let client: Client | undefined;
  let schema = "";
  let active: Running | undefined;

  async function connect(): Promise<Client> {
    const { client, names } = await connectToRead(database, timeoutMs);
    schema = names.schema;
    return client;
  }

  /** Ends a statement: by the database, or else with its connection. */
  function end(running: Running, why: Running["end"]): void {
    running.end = why;
    const { client } = running;
    if (database.cancel === undefined) cutClient(client);
    else database.cancel(client).catch(() => cutClient(client));
  }

  async function runOne(statement: Statement, parameters: Parameters, output: Output): Promise<void> {
    const current = client ??= await connect();
    const { text, values } = bindParameters(statement.text, parameters);
    const running = active = { client: current, end: "itself" };
    const timer = setTimeout(() => end(running, "late"), timeoutMs + graceMs);
    const config = { rowMode: "array" as const, types: { getTypeParser: () => (value: string) => value } };
    const cursor = current.query(new Cursor<TextRow>(text, [...values], config));
    try {
      let isBegun = false;
      while (true) {
        const { rows, fields } = await read(cursor);
        if (!isBegun) await output.begin(fields.map(({ name, dataTypeID }) => columnOf(name, dataTypeID)));
        isBegun = true;
        if (rows.length > 0) await output.write(rows);
        if (rows.length < SLICE_ROWS) break;
      }
    } catch (error) {
      // The connection has outlived an error of the statement itself.
      if ((error as { severity?: string }).severity !== "ERROR") {
        client = undefined;
        cutClient(current);
      }
      if (running.end === "itself") throw error;
      const seconds = timeoutMs / 1000;
      const late = `The statement took longer than ${seconds} s: give it more time by --timeout SECONDS`;
      // The error itself says only that the connection has ended, or that it was asked to.
      throw new Error(running.end === "late" ? late : "The statement was cancelled");
    } finally {
      clearTimeout(timer);
      active = undefined;
    }
    await cursor.close();
  }

  client = await database.turn(connect);
  return {
    async runAll(sql, parameters, output) {
      for (const statement of splitStatements(sql)) {
        if (TRANSACTIONS.includes(statement.words[0])) continue;
        const refusal = refusalOf(statement);
        if (refusal !== undefined) throw new UsageError(`Cannot run the SQL: ${refusal.message}`);
        await runOne(statement, parameters, output);
      }
      await output.end();
    },
    schema: () => schema,
    cancel() {
      if (active !== undefined) end(active, "cancelled");
    },
    async [Symbol.asyncDispose]() {
      if (client !== undefined) await endClient(client);
    },
  };
}

/** How much longer than the server the client waits, in milliseconds. */
const GRACE_MS = 5000;

interface Slice {
  readonly rows: TextRow[];
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

function read(cursor: Cursor<TextRow>): Promise<Slice> {
  return new Promise((resolve, reject) => {
    cursor.read(SLICE_ROWS, (error: Error | undefined, rows: TextRow[], result: Pick<Slice, "fields">) => {
      if (error != null) reject(error);
      else resolve({ rows, fields: result.fields });
    });
  });
}

const columnOf = (name: string, oid: number): OutputColumn => ({ name, type: typeOf(oid) });
