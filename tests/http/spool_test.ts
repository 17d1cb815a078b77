import { assertEquals, assertRejects } from "@std/assert";
import { RequestError } from "../../src/http/body.ts";
import { createSpool, type MakeFile } from "../../src/http/spool.ts";
import { fakeClock } from "../support/clock.ts";

const encoder = new TextEncoder();
const none = new AbortController().signal;
const all = { isPart: false, signal: none };

/** A spool in a directory of its own, and how often files were made of each text. */
async function open() {
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  const spool = createSpool(`${directory}/spool`);
  const made: string[] = [];
  const make = (text: string): MakeFile => async (write) => {
    made.push(text);
    await write(encoder.encode(text));
    return {};
  };
  return {
    spool,
    made,
    make,
    files: () => Array.fromAsync(Deno.readDir(`${directory}/spool`), ({ name }) => name),
    async [Symbol.asyncDispose]() {
      await spool[Symbol.asyncDispose]();
      assertEquals(await Array.fromAsync(Deno.readDir(directory)), []);
      await Deno.remove(directory);
    },
  };
}

Deno.test("a spool makes one file for all who ask for it at once, and another for another key", async () => {
  await using opened = await open();
  const { spool, made, make } = opened;
  const [one, same, other] = await Promise.all([
    spool.get("a", make("text"), all),
    spool.get("a", make("text"), all),
    spool.get("b", make("other"), all),
  ]);
  assertEquals(made.toSorted(), ["other", "text"]);
  assertEquals([one, one.size], [same, 4]);
  assertEquals(await Deno.readTextFile(other.path), "other");
  assertEquals((await opened.files()).length, 2);
});

Deno.test("a spool whose file could not be made tries again for the next request", async () => {
  await using opened = await open();
  const { spool, make } = opened;
  const failing: MakeFile = () => Promise.reject(new RequestError("no such series", 404));
  await assertRejects(() => spool.get("a", failing, all), RequestError, "no such series");
  assertEquals((await spool.get("a", make("text"), all)).size, 4);
  assertEquals((await opened.files()).length, 1);
});

Deno.test("a spool stops to make a file when the last request for it has left, and makes two at most", async () => {
  await using opened = await open();
  const { spool, make } = opened;
  const [started, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const endless: MakeFile = (_, signal) =>
    new Promise((_, reject) => {
      started.resolve();
      signal.addEventListener("abort", () => {
        stopped.resolve();
        reject(signal.reason);
      });
    });
  const hanging: MakeFile = () => new Promise(() => {});
  const [first, second] = [new AbortController(), new AbortController()];
  const leaving = [first, second].map(({ signal }) =>
    assertRejects(() => spool.get("a", endless, { isPart: false, signal }), Error, "left")
  );
  const other = new AbortController();
  const others = assertRejects(() => spool.get("b", hanging, { isPart: false, signal: other.signal }), Error, "left");
  await assertRejects(() => spool.get("c", make("text"), all), RequestError, "too many");
  await started.promise;
  first.abort(new Error("left"));
  await leaving[0];
  second.abort(new Error("left"));
  await Promise.all([leaving[1], stopped.promise]);
  assertEquals((await spool.get("c", make("text"), all)).size, 4);
  other.abort(new Error("left"));
  await others;
});

Deno.test("a whole file is made again after five seconds, unless a client reads it in parts", async () => {
  using clock = fakeClock();
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  const spool = createSpool(`${directory}/spool`);
  let count = 0;
  const make: MakeFile = async (write) => {
    await write(encoder.encode(String(++count)));
    return {};
  };
  const read = async (isPart: boolean) =>
    await Deno.readTextFile((await spool.get("a", make, { isPart, signal: none })).path);
  assertEquals([await read(false), await read(false)], ["1", "1"]);
  await clock.tick(6000);
  assertEquals([await read(true), await read(false)], ["1", "1"]);
  await clock.tick(59_000);
  assertEquals(await read(false), "1");
  await clock.tick(20_000);
  assertEquals(await read(false), "2");
  await spool[Symbol.asyncDispose]();
  await Deno.remove(directory, { recursive: true });
});
