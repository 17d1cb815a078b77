/**
 * The door of the embedded database: while one process has the database open, others read it through a socket whose
 * path is in a file of the data directory.
 *
 * @module
 */
import { join } from "@std/path";
import { type Database, type SnapshotSource, withClient } from "../database.ts";
import { DEFAULT_SCHEMA } from "../names.ts";
import { createNaming } from "../naming.ts";
import { connectClient } from "../postgres.ts";

/** The name that PostgreSQL clients give a socket in its directory. */
const SOCKET_NAME = ".s.PGSQL.5432";
/** Name of the file in the data directory that holds the path of the socket's directory. */
const DOOR_FILE = "postgres.door";
/** Longest wait for a connection, in milliseconds: a snapshot of a large database may come first. */
const CONNECT_MS = 120_000;

/** Listens at the door for other processes of the same user, until disposed of. */
export async function openDoor(
  dataDir: string,
  { door }: SnapshotSource,
): Promise<{ listener: Deno.UnixListener } & AsyncDisposable> {
  const path = join(door, SOCKET_NAME);
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.chmod(path, 0o600);
  const file = join(dataDir, DOOR_FILE);
  await Deno.writeTextFile(`${file}.new`, `${door}\n`, { mode: 0o600 });
  await Deno.rename(`${file}.new`, file);
  return {
    listener,
    async [Symbol.asyncDispose]() {
      await Deno.remove(file).catch(() => {});
      await Deno.remove(path).catch(() => {});
    },
  };
}

/** The database behind the door of a data directory; `undefined` without a door. */
export async function findDoor(dataDir: string, schema = DEFAULT_SCHEMA): Promise<Database | undefined> {
  const directory = await Deno.readTextFile(join(dataDir, DOOR_FILE)).then((text) => text.trim(), () => undefined);
  if (directory === undefined) return undefined;
  const isThere = await Deno.stat(join(directory, SOCKET_NAME)).then(() => true, () => false);
  if (!isThere) return undefined;
  const database: Database = {
    label: `embedded database in ${join(dataDir, "postgres")}, through the process that has it`,
    maxConnections: 4,
    names: createNaming(schema),
    supportsCopy: false,
    isReadOnly: true,
    connect: (signal) =>
      connectClient({
        host: directory,
        port: 5432,
        user: "barline",
        database: "postgres",
        password: "",
        connectionTimeoutMillis: CONNECT_MS,
        application_name: "barline",
      }, signal),
    check: (signal) => withClient(database, async (client) => void await client.query("SELECT 1"), signal),
    turn: (fn) => fn(),
    async [Symbol.asyncDispose]() {},
  };
  return database;
}
