import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Client } from "pg";
import type { Database } from "../../src/database/database.ts";
import { createPool, type Lease, PoolFullError } from "../../src/database/pool.ts";

const never = new AbortController().signal;

/** A database whose connections are numbers. */
function fakeDatabase() {
  const cut: number[] = [];
  const ended: number[] = [];
  let opened = 0;
  const database: Pick<Database, "connect"> = {
    connect() {
      const number = ++opened;
      const client = {
        number,
        once: () => {},
        end: () => Promise.resolve(void ended.push(number)),
        connection: { stream: { destroy: () => void cut.push(number) } },
      };
      return Promise.resolve(client as unknown as Client);
    },
  };
  return { database, cut, ended, opened: () => opened };
}

const numberOf = async (lease: Lease) => (await lease.connect() as unknown as { number: number }).number;
const order = () => {
  const granted: string[] = [];
  const note = (name: string, lease: Promise<Lease>) => lease.then((each) => (granted.push(name), each));
  return { granted, note };
};
/** Lets all that is ready happen. */
const settle = async () => {
  for (let at = 0; at < 10; at++) await Promise.resolve();
};

Deno.test("a returned connection is lent again, and the last used first", async () => {
  const { database, opened } = fakeDatabase();
  const pool = createPool(database, 3);
  const [one, two] = [pool.enter("a"), pool.enter("a")];
  const [first, second] = [await one.take(never), await two.take(never)];
  assertEquals([await numberOf(first), await numberOf(second)], [1, 2]);
  first.release();
  second.release();
  const again = await one.take(never);
  assertEquals([await numberOf(again), opened()], [2, 2]);
});

Deno.test("there are never more than the pool's size, and one owner among several has half at most", async () => {
  const { database } = fakeDatabase();
  const pool = createPool(database, 4);
  const { granted, note } = order();
  const flood = Array.from({ length: 10 }, () => pool.enter("flood"));
  const calm = pool.enter("calm");
  const leases = flood.map((each) => note("flood", each.take(never)));
  await settle();
  assertEquals(granted, ["flood", "flood"]);
  const own = await note("calm", calm.take(never));
  assertEquals(granted, ["flood", "flood", "calm"]);
  // What hangs of one keeps nobody waiting; what it gives back is its own again.
  own.release();
  (await leases[0]).release();
  await settle();
  assertEquals(granted, ["flood", "flood", "calm", "flood"]);
});

Deno.test("owners take turns, however many of one wait", async () => {
  const { database } = fakeDatabase();
  const pool = createPool(database, 1);
  const { granted, note } = order();
  const held = await pool.enter("z").take(never);
  const flood = Array.from({ length: 3 }, () => note("a", pool.enter("a").take(never)));
  const others = [note("b", pool.enter("b").take(never)), note("c", pool.enter("c").take(never))];
  held.release();
  for (const lease of [flood[0], others[0], others[1], flood[1], flood[2]]) (await lease).release();
  assertEquals(granted, ["a", "b", "c", "a", "a"]);
});

Deno.test("a borrower that gives up no longer waits, and takes no turn", async () => {
  const { database } = fakeDatabase();
  const pool = createPool(database, 1);
  const held = await pool.enter("a").take(never);
  const giving = new AbortController();
  const waiting = pool.enter("b").take(giving.signal);
  const next = pool.enter("c").take(never);
  giving.abort(new Error("given up"));
  await assertRejects(() => waiting, Error, "given up");
  held.release();
  await (await next).connect();
  await assertRejects(() => pool.enter("d").take(AbortSignal.abort(new Error("before"))), Error, "before");
});

Deno.test("a dropped connection is cut together with the idle ones, and its lease gives no connection any more", async () => {
  const { database, cut, opened } = fakeDatabase();
  const pool = createPool(database, 3);
  const borrowers = [pool.enter("a"), pool.enter("a")];
  const [one, two] = await Promise.all(borrowers.map((each) => each.take(never)));
  await one.connect();
  await two.connect();
  one.release();
  two.drop();
  assertEquals(cut.sort(), [1, 2]);
  await assertRejects(() => two.connect(), Error, "given up");
  // Twice is once.
  two.drop();
  two.release();
  assertEquals(await numberOf(await borrowers[0].take(never)), 3);
  assertEquals(opened(), 3);
});

Deno.test("connections that no borrower needs any more are closed", async () => {
  const { database, ended } = fakeDatabase();
  const pool = createPool(database, 5);
  const borrowers = [pool.enter("a"), pool.enter("b")];
  const leases = await Promise.all(borrowers.map((each) => each.take(never)));
  for (const lease of leases) await lease.connect();
  for (const lease of leases) lease.release();
  await borrowers[0][Symbol.asyncDispose]();
  assertEquals(ended.length, 1);
  await borrowers[0][Symbol.asyncDispose]();
  await borrowers[1][Symbol.asyncDispose]();
  assertEquals(ended.length, 2);
});

Deno.test("a refused connection is an outage after the only other one was given up, even before its end is known", async () => {
  const { database } = fakeDatabase();
  const refusal = Object.assign(new Error("too many connections"), { code: "53300", severity: "FATAL" });
  let isFull = false;
  const connect = () => isFull ? Promise.reject(refusal) : database.connect();
  const pool = createPool({ connect }, 2);
  const [one, two] = [pool.enter("a"), pool.enter("a")];
  const first = await one.take(never);
  await first.connect();
  isFull = true;
  const second = await two.take(never);
  await assertRejects(() => second.connect(), PoolFullError);
  second.release();
  first.drop();
  assertStrictEquals(await assertRejects(async () => await (await two.take(never)).connect()), refusal);
});
