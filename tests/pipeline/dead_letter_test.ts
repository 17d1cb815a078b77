import { assert, assertEquals } from "@std/assert";
import type { DeadLetter } from "../../src/dead_letters/letter.ts";
import { createDeadLetter } from "../../src/pipeline/dead_letter.ts";
import { fakeClock } from "../support/clock.ts";
import { memoryLetters } from "../support/letters.ts";

const letter: DeadLetter = { cause: "invalid", reason: "bad", kind: "bar", provider: "test", item: 1 };

Deno.test("kept letters are true", async () => {
  const letters = memoryLetters();
  const deadLetter = createDeadLetter(letters, () => assert(false));
  assertEquals(await deadLetter([letter, letter]), true);
  assertEquals(letters.kept, [letter, letter]);
});

Deno.test("letters that cannot be kept are false, and the error is reported once, as it was thrown", async () => {
  using clock = fakeClock();
  const letters = memoryLetters();
  letters.failure = new Error("disk is full");
  const failures: unknown[] = [];
  const kept = createDeadLetter(letters, (error) => failures.push(error))([letter]);
  await clock.tick(10_000);
  assertEquals(await kept, false);
  assertEquals(failures, [letters.failure]);
});

Deno.test("letters are tried again for a moment before they are given up", async () => {
  using clock = fakeClock();
  const letters = memoryLetters();
  letters.failure = new Error("disk is full");
  const kept = createDeadLetter(letters, () => assert(false))([letter]);
  await clock.tick(0);
  letters.failure = undefined;
  await clock.tick(10_000);
  assertEquals(await kept, true);
  assertEquals(letters.kept, [letter]);
});

Deno.test("a few attempts are made, within a second or so", async () => {
  using clock = fakeClock();
  let attempts = 0;
  const failing = { write: () => (attempts++, Promise.reject(new Error("disk is full"))) };
  const kept = createDeadLetter(failing, () => {})([letter]);
  await clock.tick(1000);
  assertEquals(await kept, false);
  assertEquals(attempts, 4);
});
