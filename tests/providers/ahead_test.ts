import { assertEquals } from "@std/assert";
import { openAhead } from "../../src/providers/replay/ahead.ts";

function openables(broken: number[] = []) {
  const opened: number[] = [];
  const closed: number[] = [];
  return {
    opened,
    closed,
    open(item: number) {
      opened.push(item);
      if (broken.includes(item)) return Promise.reject(new Error(`no ${item}`));
      return Promise.resolve({ item, close: () => Promise.resolve(void closed.push(item)) });
    },
  };
}

Deno.test("while one file is read, the next are open already, and no more than that", async () => {
  const { opened, open } = openables();
  const seen: [number, number][] = [];
  for await (const [item] of openAhead([0, 1, 2, 3, 4], { open, count: 2, isReady: () => true })) {
    seen.push([item, opened.length]);
  }
  assertEquals(seen, [[0, 3], [1, 4], [2, 5], [3, 5], [4, 5]]);
});

Deno.test("a file that cannot be opened is reported with its error, at its turn, and the others are read", async () => {
  const { open } = openables([1]);
  const came: string[] = [];
  for await (const [item, each] of openAhead([0, 1, 2], { open, count: 2, isReady: () => true })) {
    came.push(each.ok ? `${item}` : (each.error as Error).message);
  }
  assertEquals(came, ["0", "no 1", "2"]);
});

Deno.test("a file opened ahead is closed if its turn does not come", async () => {
  const { closed, open } = openables([2]);
  for await (const _ of openAhead([0, 1, 2, 3], { open, count: 2, isReady: () => true })) break;
  assertEquals(closed, [1]);
});

Deno.test("a file whose opening may wait is opened at its turn", async () => {
  const { opened, open } = openables();
  const seen: number[][] = [];
  for await (const _ of openAhead([0, 1, 2], { open, count: 2, isReady: (item) => item !== 1 })) seen.push([...opened]);
  assertEquals(seen, [[0, 2], [0, 2, 1], [0, 2, 1]]);
});
