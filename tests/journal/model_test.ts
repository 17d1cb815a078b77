import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { firstNumber, listSegments } from "../../src/journal/format.ts";
import { inspectSegment } from "../../src/journal/inspect.ts";
import type { JournalLog, LogEntry } from "../../src/journal/log.ts";
import { itemOf, type JournalDirectory, journalDirectory, minutesOf } from "../support/journal.ts";

/** What can happen to a journal. Places are parts of what is there, from 0 to 1. */
type Step =
  | { type: "append"; items: number; take: boolean }
  | { type: "read"; entries: number }
  | { type: "settle"; place: number }
  | { type: "restart" }
  | { type: "crash" }
  | { type: "truncate"; place: number }
  | { type: "flip"; place: number; bit: number };

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("append"), items: fc.integer({ min: 1, max: 4 }), take: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("read"), entries: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("settle"), place }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("crash") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("truncate"), place }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("flip"), place, bit: fc.nat({ max: 7 }) }) },
) as fc.Arbitrary<Step>;

/** The journal as a plain array: what was appended, by its number, with what has become of it. */
interface Model {
  /** Minute of each entry that the disk must have, by its number; in order. */
  readonly entries: Map<number, number>;
  /** Numbers that are not settled and must be delivered. */
  readonly unsettled: Set<number>;
}

/** A journal that is put through steps, and compared with its model after each opening. */
async function play(steps: readonly Step[]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  let directory: JournalDirectory = stack.use(await journalDirectory());
  const options = { segmentBytes: 1500 };
  let log: JournalLog = stack.use(await directory.open(options));
  const model: Model = { entries: new Map(), unsettled: new Set() };
  let underWay: LogEntry[] = [];
  let minute = 0;
  let lastNumber = 0;

  /** What is unread must be read as it was appended; gives how many entries that were. */
  async function read(count: number): Promise<number> {
    for (let done = 0; done < count; done++) {
      const found = await log.read();
      if (found === undefined) return done;
      const { entry, message } = found;
      assertEquals(minutesOf(message), [model.entries.get(entry.number)], `entry ${entry.number}`);
      assert(entry.number > lastNumber, `entry ${entry.number} after ${lastNumber}`);
      lastNumber = entry.number;
      underWay.push(entry);
    }
    return count;
  }

  /** Opens the journal again, and sees that it delivers what it must, in order. */
  async function reopen(): Promise<void> {
    underWay = [];
    lastNumber = 0;
    log = stack.use(await directory.open(options));
    const { unreadEntries } = log.status;
    assertEquals(await read(Infinity), unreadEntries);
    const delivered = new Set(underWay.map(({ number }) => number));
    for (const number of model.unsettled) assert(delivered.has(number), `entry ${number} is lost`);
  }

  for (const step of steps) {
    if (step.type === "append") {
      const items = Array.from({ length: step.items }, () => itemOf(minute++));
      const before = log.status.unreadEntries;
      const appended = await log.append(items, () => step.take);
      if ("refused" in appended) throw new Error(appended.refused);
      assertEquals(appended.entries.length, step.take && before === 0 ? items.length : 0);
      const [last] = (await listSegments(directory.path)).slice(-1);
      const { last: number } = await inspectSegment(last, 0);
      for (const at of items.keys()) {
        model.entries.set(number - items.length + 1 + at, minute - items.length + at);
        model.unsettled.add(number - items.length + 1 + at);
      }
      underWay.push(...appended.entries);
      lastNumber = Math.max(lastNumber, ...appended.entries.map(({ number }) => number));
    } else if (step.type === "read") {
      await read(step.entries);
    } else if (step.type === "settle") {
      const [entry] = underWay.splice(Math.floor(step.place * underWay.length), 1);
      entry?.settle();
      model.unsettled.delete(entry?.number);
    } else if (step.type === "restart") {
      await log[Symbol.asyncDispose]();
      await reopen();
    } else {
      // The old process never notices: the new one goes on with the disk as it is now.
      directory = stack.use(await copyOf(directory));
      if (step.type !== "crash") await damage(directory, step, model);
      await reopen();
      assertEquals(directory.lost, []);
    }
  }
}

async function copyOf(directory: JournalDirectory): Promise<JournalDirectory> {
  const copy = await journalDirectory();
  for await (const { name } of Deno.readDir(directory.path)) {
    await Deno.copyFile(join(directory.path, name), join(copy.path, name));
  }
  return copy;
}

/** Damages a segment, and takes out of the model what may be gone by it. */
async function damage(directory: JournalDirectory, step: Step & { place: number }, model: Model): Promise<void> {
  const segments = await listSegments(directory.path);
  if (segments.length === 0) return;
  const path = segments[Math.floor(step.place * segments.length)];
  const { size } = await Deno.stat(path);
  const at = Math.floor(step.place * segments.length % 1 * size);
  await inspectSegment(path, 0, (entry) => {
    const isHit = step.type === "flip" ? entry.at <= at && at < entry.at + entry.size : entry.at + entry.size > at;
    if (isHit) model.unsettled.delete(entry.number);
  });
  assert(firstNumber(path) > 0);
  if (step.type === "flip") {
    const bytes = await Deno.readFile(path);
    bytes[at] ^= 1 << step.bit;
    await Deno.writeFile(path, bytes);
  } else {
    await Deno.truncate(path, at);
  }
}

Deno.test("a journal delivers in order everything that survives any faults, and nothing else", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), play), { numRuns: 60 });
});
