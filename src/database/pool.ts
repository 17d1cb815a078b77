/**
 * A bounded number of connections that many share: each is lent for one piece of work.
 *
 * Owners take turns. So that one whose work hangs, or who has much of it, keeps nobody else waiting, none may hold more
 * than half of the connections at once where there are others.
 *
 * @module
 */
import type { Client } from "pg";
import { cutClient, type Database, endClient } from "./database.ts";

/** A connection that is lent. */
export interface Lease {
  /**
   * The connection; opened where there was none to be had.
   *
   * @throws {Error} If it cannot be opened, or the lease is over.
   */
  connect(): Promise<Client>;
  /** Gives it back. */
  release(): void;
  /** Cuts it, whether it is there yet or not. Others that lie idle are cut too: they may be as broken. */
  drop(): void;
}

/** Somebody who needs a connection now and then, one at a time. Disposing of it closes one that nobody else needs. */
export interface Borrower extends AsyncDisposable {
  /** Waits for a connection; when `signal` aborts, throws its reason. */
  take(signal: AbortSignal): Promise<Lease>;
}

/** The connections. */
export interface Pool {
  /** Adds a borrower, one of several that an owner may have. */
  enter(owner: string): Borrower;
}

interface Owner {
  borrowers: number;
  held: number;
  /** Those of its borrowers that wait. */
  readonly queue: (() => void)[];
}

/** Makes a pool of at most `size` connections; none is open yet. */
export function createPool(database: Pick<Database, "connect">, size: number): Pool {
  const idle: Client[] = [];
  const owners = new Map<string, Owner>();
  /** Owners that wait, the one whose turn it is first. */
  const turns: Owner[] = [];
  let borrowers = 0;
  let held = 0;

  /** Lends what can be lent. */
  function lendNext(): void {
    const most = owners.size > 1 ? Math.max(1, Math.floor(size / 2)) : size;
    while (held < size) {
      const at = turns.findIndex((owner) => owner.held < most);
      if (at < 0) return;
      const [owner] = turns.splice(at, 1);
      const grant = owner.queue.shift()!;
      if (owner.queue.length > 0) turns.push(owner);
      held++;
      owner.held++;
      grant();
    }
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
      held--;
      owner.held--;
      lendNext();
    }
    return {
      async connect() {
        const { signal } = cutting;
        signal.throwIfAborted();
        // The one used last is the likeliest to be well.
        client ??= idle.pop();
        if (client !== undefined) return client;
        const opened = await database.connect(signal);
        opened.once("end", () => {
          if (idle.includes(opened)) idle.splice(idle.indexOf(opened), 1);
        });
        // Who asked for it may have given up just as it came.
        if (signal.aborted) cutClient(opened);
        signal.throwIfAborted();
        return client = opened;
      },
      release() {
        if (isOver) return;
        if (client !== undefined) idle.push(client);
        end();
      },
      drop() {
        if (isOver) return;
        cutting.abort(new Error("the connection was given up"));
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
          // Those that nobody needs any more.
          await Promise.all(idle.splice(0, Math.max(0, idle.length + held - borrowers)).map(endClient));
        },
      };
    },
  };
}

/** Borrows a connection of the database for `fn`, when its turn has come; cuts it when `signal` aborts. */
export async function borrow<T>(
  { pool, database }: { readonly pool: Pool; readonly database: Pick<Database, "turn"> },
  owner: string,
  fn: (client: Client) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  await using borrower = pool.enter(owner);
  const lease = await borrower.take(signal);
  const cut = () => lease.drop();
  signal.addEventListener("abort", cut, { once: true });
  try {
    // It may have aborted before anybody listened.
    signal.throwIfAborted();
    const result = await database.turn(async () => await fn(await lease.connect()), signal);
    lease.release();
    return result;
  } catch (error) {
    lease.drop();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", cut);
  }
}
