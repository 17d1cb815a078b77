import { assertEquals } from "@std/assert";
import { createOrder } from "../../src/pipeline/order.ts";
import { numberedBar } from "../support/numbered.ts";
import { settled } from "../support/streams.ts";
import { rowsOf } from "../support/frames.ts";

/** Enters these batches of bars of one series, by minute, and gives the order in which they were let through. */
async function passOf(batches: readonly number[][], leave: readonly number[]): Promise<number[][]> {
  const order = createOrder();
  const passed: number[] = [];
  const turns = batches.map((minutes, at) => {
    const turn = order.enter(rowsOf(minutes.map((minute) => numberedBar(minute * 7))));
    turn.ready.then(() => passed.push(at));
    return turn;
  });
  const seen: number[][] = [];
  for (const at of leave) {
    await settled();
    seen.push([...passed]);
    turns[at][Symbol.dispose]();
  }
  return seen;
}

Deno.test("batches of different times, or of different series, wait for none", async () => {
  assertEquals(await passOf([[1, 2], [3, 4], [5]], [0]), [[0, 1, 2]]);
  const order = createOrder();
  const [first, second] = [0, 1].map((number) => order.enter(rowsOf([numberedBar(number)])));
  await Promise.all([first.ready, second.ready]);
});

Deno.test("a batch waits for each one before it that may have a key in common", async () => {
  assertEquals(await passOf([[1, 9], [20], [5], [9, 20]], [2, 0, 1, 3]), [[0, 1], [0, 1], [0, 1, 2], [0, 1, 2, 3]]);
});

Deno.test("a batch does not wait for one that is done", async () => {
  const order = createOrder();
  order.enter(rowsOf([numberedBar(0)]))[Symbol.dispose]();
  await order.enter(rowsOf([numberedBar(0)])).ready;
});
