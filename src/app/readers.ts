/**
 * Serves readers of the embedded database while a process has it open: at the door of the data directory and at the
 * port of `--embedded-listen`.
 *
 * @module
 */
import { parseListen, PASSWORD_VARIABLE } from "../config/embedded_listen.ts";
import type { Config } from "../config/load.ts";
import type { Database } from "../database/database.ts";
import { findDoor, openDoor } from "../database/door/door.ts";
import { createFront } from "../database/door/front.ts";
import { createReader } from "../database/door/reader.ts";
import { createVerifier } from "../database/door/scram.ts";
import { DEFAULT_SCHEMA, namesIn } from "../database/names.ts";

/** Most rows and bytes of one answer. */
const LIMITS = { rows: 10_000_000, bytes: 2 * 1024 ** 3 };

/** Options of {@linkcode openReaders}. */
export interface ReadersOptions {
  readonly config: Config;
  /** The database of the run, whose schema exists. */
  readonly database: Database;
  readonly warn: (message: string) => void;
  /** Called with the address for PostgreSQL clients. */
  readonly onListen: (address: string) => void;
}

/** See {@linkcode openReaders}. Disposing of it ends their sessions. */
export interface Readers extends AsyncDisposable {
  /** The database for long reads, which do not block writers. */
  readonly database: Database;
}

/**
 * Admits readers, if the database is the embedded one.
 *
 * @throws {Error} If the port cannot be opened.
 */
export async function openReaders({ config, database, warn, onListen }: ReadersOptions): Promise<Readers> {
  await using opened = new AsyncDisposableStack();
  let behindDoor: Database | undefined;
  const { snapshots } = database;
  const { dataDir, schema, embeddedListen } = config.settings;
  if (snapshots !== undefined) {
    const reader = createReader({ source: snapshots, names: namesIn(schema ?? DEFAULT_SCHEMA) });
    const front = opened.use(createFront({ reader, limits: LIMITS, warn }));
    front.open(opened.use(await openDoor(dataDir, snapshots)));
    behindDoor = await findDoor(dataDir, schema);
    if (embeddedListen !== undefined) {
      const listener = listen(embeddedListen);
      front.open({ listener, verifier: createVerifier(config.variable(PASSWORD_VARIABLE)!.trim()) });
      const { hostname, port } = listener.addr as Deno.NetAddr;
      onListen(`${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`);
    }
  }
  const closing = opened.move();
  return { database: behindDoor ?? database, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

function listen(address: string): Deno.Listener {
  const { hostname, port } = parseListen(address);
  try {
    return Deno.listen({ hostname, port });
  } catch (cause) {
    const why = cause instanceof Deno.errors.AddrInUse ? "another process has it" : (cause as Error).message;
    throw new Error(`Cannot listen on ${address}: ${why}. Choose another with --embedded-listen [HOST:]PORT`, {
      cause,
    });
  }
}
