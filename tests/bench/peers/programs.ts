/**
 * Other programs that bring bars from a file into PostgreSQL, and how each is run. Those that are on the PATH are measured.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";

/** What a program is to do. */
export interface Load {
  readonly url: string;
  readonly file: string;
  /** For what the program keeps. */
  readonly directory: string;
}

/** A program, and what it promises. */
export interface Peer {
  readonly name: string;
  /** Found on the PATH, or a path. */
  readonly program: string;
  /** Module of Python that it needs. */
  readonly module?: string;
  /** Table that it fills. */
  readonly table: "peer_bar" | "bar";
  /** Whether rows that are there already are corrected. */
  readonly upserts: boolean;
  readonly args: (load: Load) => readonly string[];
}

const here = (name: string) => fromFileUrl(new URL(name, import.meta.url));

function python(name: string, module: string, script: string, upserts: boolean): Peer {
  return { name, program: "python3", module, table: "peer_bar", upserts, args: () => [here(script)] };
}

function psql(name: string, script: string, upserts: boolean): Peer {
  return {
    name,
    program: "psql",
    table: "peer_bar",
    upserts,
    args: ({ url }) => ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", here(script), url],
  };
}

/** The programs; all have the file at `FILE` and on standard input, and the database at `DATABASE_URL`. */
export const peers: readonly Peer[] = [
  {
    name: "timescaledb-parallel-copy, 2 workers",
    program: "timescaledb-parallel-copy",
    table: "peer_bar",
    upserts: false,
    args: ({ url, file }) => [
      ...["--connection", url, "--table", "peer_bar", "--file", file, "--skip-header", "--workers", "2"],
      ...["--columns", "symbol,timeframe,ts,open,high,low,close,volume"],
    ],
  },
  psql("psql \\copy", "psql_copy.sql", false),
  psql("psql \\copy to a stage, then upsert", "psql_staged.sql", true),
  python("ADBC (Arrow, binary COPY)", "adbc_driver_postgresql", "adbc_copy.py", false),
  python("asyncpg COPY, 2 connections", "asyncpg", "asyncpg_copy.py", false),
  python("asyncpg executemany upsert, 4 connections", "asyncpg", "asyncpg_upsert.py", true),
  {
    name: "Telegraf (outputs.postgresql)",
    program: "telegraf",
    table: "peer_bar",
    upserts: false,
    args: () => ["--once", "--config", here("telegraf.conf")],
  },
  {
    name: "Bento (sql_insert, 1,000 a statement)",
    program: "bento",
    table: "peer_bar",
    upserts: true,
    args: () => ["-c", here("bento.yaml")],
  },
];

/** Barline as a process; `command` is what starts it. */
export function barline(name: string, command: readonly string[]): Peer {
  const [program, ...args] = command;
  const options = ["--http", "off", "--log-level", "error", "--journal", "off"];
  return {
    name,
    program,
    table: "bar",
    upserts: true,
    args: ({ url, file, directory }) => [
      ...[...args, "ingest", ...options, "--file", file],
      ...["--database", url, "--data-dir", directory],
    ],
  };
}
