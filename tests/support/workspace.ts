/**
 * An empty directory and an empty database to run Barline in.
 *
 * @module
 */
import { join } from "@std/path";
import { withClient } from "../../src/database/database.ts";
import { openEmbedded } from "../../src/database/embedded.ts";
import { readLetters } from "../../src/dead_letters/directory.ts";
import { deadLetterDirectory } from "../../src/dead_letters/files.ts";
import type { StoredLetter } from "../../src/dead_letters/letter.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { type Ended, type Running, startBarline, type StartOptions } from "./process.ts";
import { keepConnection, missingServer, startPostgres, type TestServer } from "./postgres.ts";
import { databaseAt } from "./server_tests.ts";

/** See the module's description. */
export interface Workspace extends AsyncDisposable {
  readonly directory: string;
  readonly dataDir: string;
  /** For `--database`: a server's, or the embedded one where there is no server. */
  readonly database: string;
  /** Writes a file and gives its path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
  start(args: readonly string[], options?: Partial<StartOptions>): Running;
  run(args: readonly string[], options?: Partial<StartOptions>): Promise<Ended>;
  /** Starts `ingest --json` into the database, without HTTP unless that is given. */
  startIngest(args: readonly string[], options?: Partial<StartOptions>): Running;
  ingest(args: readonly string[], options?: Partial<StartOptions>): Promise<Ended>;
  /** Makes the schema, as the command `migrate` does. */
  migrate(): Promise<void>;
  /** Runs one statement in the database. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** How many bars are in the database. */
  count(): Promise<number>;
  /** The dead letters, oldest first. */
  letters(): Promise<StoredLetter[]>;
}

/** Starts the server of a file of tests, `undefined` where there is none. */
export async function startSharedServer(): Promise<TestServer | undefined> {
  if (missingServer() !== undefined) return undefined;
  const server = await startPostgres();
  Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
  return server;
}

/** Opens a workspace with a database of `server`, or with the embedded one. */
export async function openWorkspace(server?: TestServer): Promise<Workspace> {
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  const dataDir = join(directory, "data");
  const database = await server?.createDatabase() ?? "embedded";
  const kept = server && keepConnection(database);
  const start: Workspace["start"] = (args, options) => startBarline(args, { cwd: directory, ...options });
  const startIngest: Workspace["startIngest"] = (args, options) => {
    const given = (flag: string, value: string) => args.includes(flag) ? [] : [flag, value];
    return start(
      [
        "ingest",
        "--json",
        ...given("--http", "off"),
        ...given("--database", database),
        ...given("--data-dir", dataDir),
        // A slow machine is not to be told from what is tested by what a stop gives up.
        ...given("--drain-timeout", "120"),
        ...args,
      ],
      options,
    );
  };
  async function query(sql: string): Promise<Record<string, unknown>[]> {
    if (kept !== undefined) return await kept.query(sql);
    await using embedded = await openEmbedded(dataDir);
    return await withClient(embedded, async (client) => (await client.query(sql)).rows);
  }
  return {
    directory,
    dataDir,
    database,
    async write(name, content) {
      const path = join(directory, name);
      if (typeof content === "string") await Deno.writeTextFile(path, content);
      else await Deno.writeFile(path, content);
      return path;
    },
    start,
    run: (args, options) => start(args, options).ended,
    startIngest,
    ingest: (args, options) => startIngest(args, options).ended,
    async migrate() {
      // A process of its own for the embedded database alone, whose start takes long.
      if (server !== undefined) await prepareDatabase(databaseAt(database));
      else {
        const { code, stderr } = await start(["migrate", "--data-dir", dataDir]).ended;
        if (code !== 0) throw new Error(stderr);
      }
    },
    query,
    count: async () => (await query("SELECT count(*)::int AS count FROM bar"))[0].count as number,
    async letters() {
      const letters: StoredLetter[] = [];
      for await (const { letter } of readLetters(deadLetterDirectory(dataDir))) letters.push(letter);
      return letters;
    },
    async [Symbol.asyncDispose]() {
      await kept?.[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** The errors of a log in text, without their times; any other line is given whole. */
export function errorsOf(stderr: string): string[] {
  return stderr.trimEnd().split("\n").map((line) => line.replace(/^\S+Z \[error\] barline: /, ""));
}
