import { assert, assertEquals, assertRejects } from "@std/assert";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { createIbkr } from "../../src/providers/ibkr.ts";
import { createKraken } from "../../src/providers/kraken.ts";
import { createMassive } from "../../src/providers/massive.ts";
import type { HistoryRange, Provider, ProviderSettings } from "../../src/providers/provider.ts";
import type { Bar } from "../../src/records/bar.ts";
import { frameSize } from "../../src/records/frame.ts";
import { bar, MINUTE, START } from "../support/alpaca.ts";
import { startFakeAlpaca } from "../support/fake_alpaca.ts";
import { startFakeKraken } from "../support/fake_kraken.ts";
import { startFakeMassive } from "../support/fake_massive.ts";
import { startFakeTws } from "../support/fake_tws.ts";
import { createMemoryTable } from "../support/memory_table.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { createContext } from "./conformance.ts";
import { recordsOf } from "../support/frames.ts";

const END = START + 50 * MINUTE;
const all = Array.from({ length: 50 }, (_, minute) => minute);

interface Wanted {
  symbols?: string[];
  variables: Readonly<Record<string, string>>;
  range?: Partial<HistoryRange>;
  timeframe?: string;
}

/** Opens a provider's past in a directory of its own. */
async function openPast(create: (settings: ProviderSettings) => Provider, wanted: Wanted) {
  const { symbols = ["AAPL"], variables, range, timeframe = "1m" } = wanted;
  const directory = await makeDirectory();
  const context = createContext();
  const settings = providerSettings({
    symbols,
    timeframe,
    dataDir: directory.path,
    variable: (name) => variables[name],
  });
  const past = create(settings).backfill!({ from: START, to: END, restart: false, ...range });
  const stream = past.open(context);
  const bars: Bar[] = [];
  return {
    past,
    stream,
    bars,
    context,
    /** Reads and settles all there is. */
    async read() {
      for await (const frame of stream) {
        bars.push(...recordsOf(frame));
        frame.ack("committed", frameSize(frame));
      }
    },
    minutes: (symbol = symbols[0]) =>
      bars.filter((each) => each.symbol === symbol).map(({ ts }) => (ts - START) / MINUTE).toSorted((a, b) => a - b),
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await past.close!();
      await directory[Symbol.asyncDispose]();
    },
  };
}

Deno.test("kraken: a backfill needs no stream", async () => {
  await using fake = startFakeKraken(["BTC/USD"]);
  for (const minute of all) fake.history.push(bar(minute, { symbol: "BTC/USD" }));
  await using past = await openPast(createKraken, { symbols: ["BTC/USD"], variables: fake.variables });
  await past.read();
  assertEquals(past.minutes(), all);
  assertEquals(past.bars[0].provider, "kraken");
});

Deno.test("massive: a backfill follows the pages of each symbol", async () => {
  await using fake = startFakeMassive({ pageSize: 20 });
  for (const minute of all) {
    for (const symbol of ["AAPL", "MSFT"]) {
      fake.history.push({ symbol, ts: START + minute * MINUTE, open: 2, high: 4, low: 1, close: 3, volume: 5 });
    }
  }
  await using past = await openPast(createMassive, { symbols: ["AAPL", "MSFT"], variables: fake.variables });
  await past.read();
  assertEquals([past.minutes("AAPL"), past.minutes("MSFT")], [all, all]);
  assertEquals(past.past.progress!(), { done: 100 * MINUTE, total: 100 * MINUTE });
});

Deno.test("ibkr: a backfill opens a separate connection, again after a loss, and closes it at the end", async () => {
  await using fake = startFakeTws();
  const pages = 20;
  const from = START - pages * 8 * 60 * MINUTE;
  for (let ts = from; ts < END; ts += 60 * MINUTE) {
    fake.history.push({ symbol: "AAPL", ts, open: 2, high: 4, low: 1, close: 3, wap: 2, volume: 5, count: 1 });
  }
  const create = (settings: ProviderSettings) => createIbkr(settings, { isResetTime: () => false, retryMs: 1 });
  await using past = await openPast(create, { variables: fake.variables, range: { from } });
  const reading = past.read();
  const first = await fake.connection();
  while (fake.asked.length < 5) await new Promise((resolve) => setTimeout(resolve, 1));
  first.close();
  const second = await fake.connection();
  await reading;
  await second.gone;
  assertEquals(new Set(past.bars.map(({ ts }) => ts)), new Set(fake.history.map(({ ts }) => ts)));
  assertEquals(fake.asked.some(({ keepUpToDate }) => keepUpToDate), false);
});

Deno.test("ibkr: a symbol that TWS does not know is named, and the other is read", async () => {
  await using fake = startFakeTws({ refused: { NOPE: [200, "No security definition has been found"] } });
  fake.history.push({ symbol: "AAPL", ts: START, open: 2, high: 4, low: 1, close: 3, wap: 2, volume: 5, count: 1 });
  await using past = await openPast(createIbkr, { symbols: ["NOPE", "AAPL"], variables: fake.variables });
  await assertRejects(() => past.read(), Error, "1 of 2 symbols could not be read (NOPE)");
  assertEquals(past.minutes("AAPL"), [0]);
  assert(past.context.notices.some((warn) => /NOPE is left out: .*No security definition/.test(warn)));
});

Deno.test("ibkr: seconds older than half a year are skipped, with a warning", async () => {
  await using fake = startFakeTws();
  const from = Date.now() - 181 * 24 * 60 * MINUTE;
  const range = { from, to: from + 60 * MINUTE };
  await using past = await openPast(createIbkr, { variables: fake.variables, timeframe: "5s", range });
  await past.read();
  assertEquals(fake.asked, []);
  assert(past.context.notices.some((warn) => /history of AAPL from .* can no longer be had/.test(warn)));
});

Deno.test("a backfill is read by demand: without a reader it asks for little, and holds little", async () => {
  await using fake = startFakeAlpaca({ pageSize: 1000 });
  const minutes = 100_000;
  for (let minute = -minutes; minute < 0; minute++) fake.history.push(bar(minute));
  const range = { from: START - minutes * MINUTE, to: START };
  await using past = await openPast(createAlpaca, { variables: fake.variables, range });
  let asked = -1;
  // It is idle when a second brings no request more.
  while (asked < fake.requests.length) {
    asked = fake.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  assert(asked < 20, `${asked} pages of a thousand bars`);
  await past.stream.cancel();
});

Deno.test("bars are committed in any order, and only committed ones are remembered", async () => {
  await using fake = startFakeAlpaca({ pageSize: 10 });
  for (const minute of all) fake.history.push(bar(minute));
  await using directory = await makeDirectory();
  const settings = providerSettings({
    symbols: ["AAPL"],
    dataDir: directory.path,
    variable: (name) => fake.variables[name],
  });
  const table = createMemoryTable();
  async function run(pages: number, settles: (at: number) => boolean): Promise<number> {
    const past = createAlpaca(settings).backfill!({ from: START, to: END, restart: false });
    const context = createContext();
    const reader = past.open({ ...context, coverage: table.store(() => false) }).getReader();
    let count = 0;
    const frames = [];
    while (frames.length < pages) {
      const { value } = await reader.read();
      frames.push(value!);
      count += recordsOf(value!).length;
    }
    for (const [at, frame] of [...frames.entries()].toReversed()) {
      if (!settles(at)) continue;
      table.commit(frame);
      frame.ack("committed", frameSize(frame));
    }
    context.stopping.abort();
    await reader.cancel();
    await past.close!();
    return count;
  }
  // All pages came, and the third was never committed.
  assertEquals(await run(5, (at) => at !== 2), 50);
  assertEquals(await run(3, () => true), 30);
});

Deno.test("a part of the past that the plan does not include is passed over and named, and the rest is read", async () => {
  await using fake = startFakeMassive({ known: ["AAPL"] });
  const from = START - 100 * 24 * 60 * MINUTE;
  fake.history.push(...all.map((minute) => bar(minute)));
  const denied = {
    status: 403,
    body: { status: "NOT_AUTHORIZED", message: "Your plan doesn't include this timeframe." },
  };
  fake.script.mishaps.push(...Array(2).fill(denied));
  await using past = await openPast(createMassive, { variables: fake.variables, range: { from } });
  await assertRejects(() => past.read(), Error, "1 of 1 symbols could not be read (AAPL)");
  assertEquals(past.minutes(), all);
  assertEquals(past.context.notices.filter((warn) => warn.includes("plan doesn't include")).length, 1);
});
