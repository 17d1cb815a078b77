/**
 * A bounded number of connections that many share: each is lent for one piece of work.
 *
 * Owners take turns. If there are several, none may hold more than half of the connections at once, so that an owner
 * whose work hangs or takes long does not block the others.
 *
 * @module
 */
import type { Client } from "pg";
import { cutClient, type Database, endClient } from "./database.ts";
import { sqlState, TransientError } from "./faults.ts";
import type { Names } from "./names.ts";

/** A lent connection. */
export interface Lease {
  /**
   * The connection; opened if the pool has no idle one.
   *
   * @throws {PoolFullError} If the server admits no further connection, and others of the pool are lent: release the
   * lease and take another, which waits for one of those.
   * @throws {Error} If it cannot be opened, or the lease is over.
   */
  connect(): Promise<Client>;
  /** Returns the connection. */
  release(): void;
  /** Cuts the connection, even while it is opened. Idle ones are cut too, as they may be equally broken. */
  drop(): void;
}

/** An occasional user of one connection at a time. Disposing of it closes a connection that no other borrower needs. */
export interface Borrower extends AsyncDisposable {
  /** Waits for a connection; when `signal` aborts, throws its reason. */
  take(signal: AbortSignal): Promise<Lease>;
}

/** The shared connections. */
export interface Pool {
  /** Adds a borrower, one of several that an owner may have. */
  enter(owner: string): Borrower;
}

interface Owner {
  borrowers: number;
  held: number;
  /** Its borrowers that wait. */
  readonly queue: (() => void)[];
}

/** The server admits no further connection while the pool has others: the borrower has to wait for one of those. */
export class PoolFullError extends TransientError {
  override name = "PoolFullError";
}

/** SQLSTATE of a server, a database or a role whose limit of connections is reached. */
const TOO_MANY_CONNECTIONS = "53300";
/** How long a pool that has shrunk waits before it tries one connection more, in milliseconds. */
const GROW_AFTER_MS = 60_000;

/**
 * Creates a pool of at most `size` connections; none is open yet. If the server refuses further ones, the pool shrinks
 * to those it has, and tries one more now and then. `notice` is called when that happens.
 */
export function createPool(
  database: Pick<Database, "connect">,
  size: number,
  warn: (message: string) => void = () => {},
): Pool {
  const idle: Client[] = [];
  /** Connections in use by a lease. One that was given up no longer counts, even if the server still has it. */
  const lent = new Set<Client>();
  /** How many connections the server admits, as far as known. */
  let most = size;
  let growAt = Infinity;
  /** How many are being opened. */
  let opening = 0;
  let isTold = false;
  const owners = new Map<string, Owner>();
  /** Owners that wait; the first has the next turn. */
  const turns: Owner[] = [];
  let borrowers = 0;
  let held = 0;

  /** Lends connections to those who wait, as far as possible. */
  function lendNext(): void {
    if (most < size && Date.now() >= growAt) {
      most++;
      growAt = Date.now() + GROW_AFTER_MS;
    }
    const share = owners.size > 1 ? Math.max(1, Math.floor(most / 2)) : most;
    while (held < most) {
      const at = turns.findIndex((owner) => owner.held < share);
      if (at < 0) return;
      const [owner] = turns.splice(at, 1);
      const grant = owner.queue.shift()!;
      if (owner.queue.length > 0) turns.push(owner);
      held++;
      owner.held++;
      grant();
    }
  }

  /** How many connections exist, lent or idle. */
  const given = () => lent.size + idle.length;

  /** Warns once that the server admits fewer connections than requested, as soon as their number is known. */
  function warnOfLimit(): void {
    if (isTold || opening > 0 || most >= size) return;
    isTold = true;
    warn(`The server admits no more than ${given()} connections: lanes wait for each other`);
  }

  /** Opens a connection for a lease; if the server admits no further one, the pool shrinks. */
  async function openClient(signal: AbortSignal): Promise<Client> {
    let opened: Client;
    opening++;
    try {
      opened = await database.connect(signal);
    } catch (error) {
      opening--;
      if (sqlState(error) !== TOO_MANY_CONNECTIONS || given() + opening === 0) throw error;
      // Those being opened may succeed, or shrink the pool further.
      most = Math.min(most, given() + opening);
      growAt = Date.now() + GROW_AFTER_MS;
      warnOfLimit();
      throw new PoolFullError("Cannot open a further connection", { cause: error });
    }
    // In one step with the next line, so that the connection never counts as neither.
    opening--;
    lent.add(opened);
    warnOfLimit();
    opened.once("end", () => {
      if (idle.includes(opened)) idle.splice(idle.indexOf(opened), 1);
    });
    return opened;
  }

  function wait(owner: Owner, signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const grant = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        owner.queue.splice(owner.queue.indexOf(grant), 1);
        if (owner.queue.length === 0) turns.splice(turns.indexOf(owner), 1);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      if (owner.queue.push(grant) === 1) turns.push(owner);
      lendNext();
    });
  }

  function lend(owner: Owner): Lease {
    const cutting = new AbortController();
    let client: Client | undefined;
    let isOver = false;
    function end(): void {
      isOver = true;
      if (client !== undefined) lent.delete(client);
      held--;
      owner.held--;
      lendNext();
    }
    return {
      async connect() {
        const { signal } = cutting;
        signal.throwIfAborted();
        // The connection used last is the most likely to work.
        client ??= idle.pop();
        if (client !== undefined) {
          lent.add(client);
          return client;
        }
        client = await openClient(signal);
        // The borrower may have given up just as the connection came.
        if (signal.aborted) {
          lent.delete(client);
          cutClient(client);
        }
        signal.throwIfAborted();
        return client;
      },
      release() {
        if (isOver) return;
        if (client !== undefined) idle.push(client);
        end();
      },
      drop() {
        if (isOver) return;
        cutting.abort(new Error("The connection was given up"));
        for (const each of [client ?? [], idle.splice(0)].flat()) cutClient(each);
        end();
      },
    };
  }

  return {
    enter(name) {
      const owner = owners.get(name) ?? { borrowers: 0, held: 0, queue: [] };
      owners.set(name, owner);
      owner.borrowers++;
      borrowers++;
      let isGone = false;
      return {
        async take(signal) {
          await wait(owner, signal);
          return lend(owner);
        },
        async [Symbol.asyncDispose]() {
          if (isGone) return;
          isGone = true;
          borrowers--;
          if (--owner.borrowers === 0) owners.delete(name);
          // Closes the idle connections that no borrower needs any more.
          await Promise.all(idle.splice(0, Math.max(0, idle.length + held - borrowers)).map(endClient));
        },
      };
    },
  };
}

/** Borrows a connection of the database for `fn`, once its turn has come; cuts it when `signal` aborts. */
export async function borrow<T>(
  { pool, database }: { readonly pool: Pool; readonly database: Pick<Database, "turn" | "names"> },
  owner: string,
  fn: (client: Client, names: Names) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  await using borrower = pool.enter(owner);
  while (true) {
    const lease = await borrower.take(signal);
    const cut = () => lease.drop();
    signal.addEventListener("abort", cut, { once: true });
    try {
      // The signal may have aborted before the listener was added.
      signal.throwIfAborted();
      const result = await database.turn(async () => {
        const client = await lease.connect();
        return await fn(client, await database.names(client));
      }, signal);
      lease.release();
      return result;
    } catch (error) {
      if (error instanceof PoolFullError) {
        lease.release();
        continue;
      }
      lease.drop();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }
}
