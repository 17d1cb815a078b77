/**
 * Fuzzes the wire of TWS: damaged messages go over a real socket through `@stoqey/ib` to the feed.
 *
 * @module
 */
import { readSymbol } from "../../src/providers/ibkr/contract.ts";
import type { Listing } from "../../src/providers/ibkr/contract.ts";
import { createAccount } from "../../src/providers/ibkr/account.ts";
import { createIbkrFeed } from "../../src/providers/ibkr/feed.ts";
import { type FakeTws, startFakeTws } from "../support/fake_tws.ts";
import { runSession } from "../support/session.ts";
import { concat, encode } from "../support/tws_wire.ts";
import { createRandom, type Random } from "./mutate.ts";
import { check, type Original, type Parser, type Tally } from "./parser.ts";

/** Messages of one connection: some kinds end it, so that what follows on it is not read. */
const BATCH = 100;
/** Connections at a time: each waits for timers of the library most of the time. */
const LANES = 20;
const START = Date.UTC(2024, 6, 24, 14) / 1000;
const FIELDS = [
  ...[
    "",
    "0",
    "-1",
    "1e999",
    "1e308",
    "12x",
    "abc",
    "1,234",
    "0x10",
    "NaN",
    "\\u0041",
    "é",
    "-0",
    "5e-324",
    "20240724",
  ],
  ...["170141183460469231731687303715884105727", "finished-", "9".repeat(400), String(START + 30), "4102444800"],
];
/** Sound messages, for a request of that number. */
function messages(id: number): string[][] {
  const bar = (minute: number) => [START + minute * 60, 100.25, 101.5, 99.5, 100.75];
  const [date, open, high, low, close] = bar(0);
  return [
    [90, id, 3, date, open, close, high, low, 100.5, 250],
    [90, id, 1, START + 60, 1.5, 1.25, 2, 1, 1.5, 0.5],
    [17, id, "20240724 10:00:00", "20240724 11:00:00", 2, ...bar(1), 10, 100.5, 2, ...bar(2), 20, 100.5, 4],
    [4, 2, -1, 2104, "Market data farm connection is OK:usfarm", ""],
    [4, 2, id, 2106, "HMDS data farm connection is OK:ushmds", ""],
    [49, 1, START],
    [15, 1, "DU111"],
  ].map((fields) => fields.map(String));
}

/** A message with some fields damaged, or too few or too many of them. */
function damage(sound: readonly string[], random: Random): string[] {
  const fields = [...sound];
  for (let change = random(3); change >= 0; change--) {
    const at = random(fields.length);
    const kind = random(12);
    if (kind === 0) fields.splice(at, 1);
    else if (kind === 1) fields.splice(at, 0, fields[at]);
    else if (kind === 2) fields[at] = fields[random(fields.length)];
    else if (kind === 3) fields[at] = String(random(300));
    else if (kind === 4) fields[at] = fields[at].slice(0, random(fields[at].length + 1));
    else fields[at] = FIELDS[random(FIELDS.length)];
  }
  return fields;
}

/** The bars that a message may hold. */
function* originals(fields: readonly string[]): Iterable<Original> {
  const make = (date: string, ...numbers: string[]): Original => {
    const [open, high, low, close, volume] = numbers.map((field) => Number(field.replaceAll(",", "")));
    const known = volume >= 0 && volume < 2 ** 126 ? volume : 0;
    const ts = /^\d{8}$/.test(date)
      ? Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`)
      : Number(date) * 1000;
    return ["AAPL", ts, open, high, low, close, known];
  };
  if (fields[0] === "90") {
    const [, , , date, open, close, high, low, , volume = ""] = fields;
    yield make(date ?? "", open ?? "", high ?? "", low ?? "", close ?? "", volume);
  }
  for (let at = 5; fields[0] === "17" && at + 8 <= fields.length; at += 8) {
    const [date, open, high, low, close, volume] = fields.slice(at);
    yield make(date, open, high, low, close, volume);
  }
}

/**
 * Sends that many damaged messages.
 *
 * @throws {Error} If nonsense is accepted, or a connection neither reads on nor ends.
 */
export async function fuzzTws(frames: number, seed: number): Promise<Tally> {
  const random = createRandom(seed);
  const tally: Tally = { frames: 0, bars: 0, sound: 0, rejected: 0 };
  await Promise.all(Array.from({ length: Math.min(LANES, Math.ceil(frames / BATCH)) }, async () => {
    await using fake = startFakeTws();
    while (tally.frames < frames) {
      tally.frames += BATCH;
      await runBatch(fake, random, tally);
    }
  }));
  return tally;
}

/** One connection, and what it is sent. */
async function runBatch(fake: FakeTws, random: Random, tally: Tally): Promise<void> {
  const feed = createIbkrFeed({
    account: createAccount({ host: "127.0.0.1", port: fake.port, clientId: 0 }, "1m"),
    listings: [readSymbol("AAPL") as Listing],
    timeframe: "1m",
    // So that each state of a bar is seen.
    provisional: true,
    timing: { closeAfterMs: 1, retryMs: 60_000, isResetTime: () => false },
  });
  await using session = runSession(feed);
  const tws = await fake.connection();
  const { id } = await tws.subscription("AAPL");
  await session.until(() => session.subscribed.length > 0);
  const sound = messages(id);
  // Errors end subscriptions and connections: they come last.
  const sent = Array.from({ length: BATCH - 1 }, () => damage(sound[random(sound.length)], random))
    .toSorted((a, b) => Number(a[0] === "4") - Number(b[0] === "4"));
  // A message of a kind that there is not is told, and comes after all others.
  const last = "987654";
  tws.raw(concat([...sent, [last]].map(encode)));
  const isRead = () => session.rejected.some(({ item }) => JSON.stringify(item).includes(last));
  // The end of a connection is an end like another.
  await session.until(isRead).catch(async (error) => {
    if (await session.ended === undefined) throw error;
  });
  const parser: Parser = {
    name: "ibkr",
    symbols: ["AAPL"],
    frames: [],
    read: () => ({ bars: session.bars, rejected: session.rejected.map(({ reason }) => reason) }),
    originals: () => sent.flatMap((fields) => [...originals(fields)]),
  };
  const before = tally.frames;
  check(parser, JSON.stringify(sent), tally);
  tally.frames = before;
}
