/**
 * What every live feed must do, whatever its protocol. A feed's test describes the feed and its fake to
 * {@linkcode testLive}, and is left with what is particular to it.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import FakeTimers from "@sinonjs/fake-timers";
import { type Feed, FeedError } from "../../src/providers/live/feed.ts";
import type { MarketBar } from "../support/fake_kraken.ts";
import { startRelay } from "../support/relay.ts";
import { makeBar, MINUTE, START, superviseFeed, type SuperviseOptions } from "../support/supervised.ts";

/** A connection of a fake, in the words that all have in common. */
export interface LiveConnection {
  /** Sends bars that are over, or states of them where the protocol has no more. */
  bars(...bars: MarketBar[]): void;
  /** Sends a bar that came before, changed. */
  correct(bar: MarketBar): void;
  /** Sends what proves that the connection lives, but is no data. */
  heartbeat(): void;
  /** Sends text as it is, where the protocol has text. */
  raw?(text: string): void;
}

/** A fake, in the words that all have in common. */
export interface LiveFake extends AsyncDisposable {
  /** Where it listens for streams. */
  readonly port: number;
  /** The feed of these symbols, whose stream is at `port`, with short waits. */
  feed(symbols: readonly string[], port: number): Feed;
  /** The next connection that has subscribed. */
  connection(): Promise<LiveConnection>;
  /** Bars that history has. */
  readonly history: { push(...bars: MarketBar[]): unknown };
  /** Makes the next requests for history fail in ways that pass. */
  storm(): void;
}

/** How to test a feed. */
export interface LiveCase {
  readonly name: string;
  /** Two symbols that there are. */
  readonly symbols: readonly [string, string];
  /** A symbol that is refused. */
  readonly unknown: string;
  /** Starts a fake that knows {@linkcode LiveCase.symbols}; its history has pages of few bars. */
  start(): LiveFake;
  /** The beginning of a frame that breaks off. */
  readonly half: Uint8Array<ArrayBuffer>;
  /** Whether its stream is text: then messages can be malformed in the ways of text. */
  readonly malformed?: {
    /** Texts that must be rejected, each once. */
    readonly texts: readonly string[];
  };
  /** Texts that are no news. */
  readonly ignored?: readonly string[];
  /** A feed whose key is wrong, and the variable that the error must name. */
  readonly wrongKey?: { feed(fake: LiveFake): Feed; variable: string };
}

/** A text frame of a WebSocket that promises 126 bytes, of which ten come. */
export const HALF_FRAME = new Uint8Array([0x81, 126, 0, 126, ...new TextEncoder().encode('[{"T":"b",')]);

/** A Wednesday at ten in New York, when every market is open. */
const OPEN = Date.UTC(2024, 0, 3, 15);
const DEEP = 200_000;
/** Texts that no protocol has. */
const NONSENSE = ["{half", "", '"text"', "5", "null", "true", "[".repeat(DEEP) + "]".repeat(DEEP), "\u0000"];

/** Runs the feed of a fake under supervision. */
function open(
  fake: LiveFake,
  { symbols = [], port = fake.port, feed = fake.feed(symbols, port), ...options }: OpenOptions,
) {
  return superviseFeed(feed, options);
}

interface OpenOptions extends SuperviseOptions {
  feed?: Feed;
  symbols?: readonly string[];
  port?: number;
}

const upTo = (count: number) => Array.from({ length: count }, (_, minute) => minute);

/** Registers the tests that every live feed must pass. */
export function testLive(of: LiveCase): void {
  const [one, two] = of.symbols;
  const test = (name: string, fn: () => Promise<void>) => Deno.test(`${of.name}: ${name}`, fn);

  test("a day without trouble is stored as sent", async () => {
    await using fake = of.start();
    await using feed = await open(fake, { symbols: of.symbols });
    const connection = await fake.connection();
    for (const minute of upTo(30)) connection.bars(makeBar(one, minute), makeBar(two, minute));
    await feed.until(() => feed.stored.size === 60);
    for (const symbol of of.symbols) assertEquals(feed.minutes(symbol), upTo(30));
    for (const minute of upTo(30)) {
      const { ts, open, high, low, close, volume, status } = feed.stored.get(`${two} ${minute}`)!;
      const { symbol: _, trades: __, ...sent } = makeBar(two, minute);
      assertEquals({ ts, open, high, low, close, volume }, sent);
      assertEquals(status, "final");
    }
    assertEquals([feed.losses(), feed.rejected, feed.context.notices], [[], [], []]);
  });

  if (of.wrongKey !== undefined) {
    const { feed: make, variable } = of.wrongKey;
    test("a wrong key ends the feed for good, and names the variable to look at", async () => {
      await using fake = of.start();
      await using feed = await open(fake, { feed: make(fake) });
      const error = await assertRejects(() => feed.until(() => false), FeedError, variable);
      assert(error.isFatal);
      assertEquals(feed.events.at(-1), { type: "feed-state", provider: of.name, state: "failed" });
    });
  }

  for (const how of ["lost without a word", "broken in the middle of a frame"]) {
    test(`after a connection that was ${how} history fills the gap`, async () => {
      await using fake = of.start();
      await using relay = startRelay(fake.port);
      await using feed = await open(fake, { symbols: [one], port: relay.port });
      (await fake.connection()).bars(makeBar(one, 0), makeBar(one, 1));
      await feed.until(() => feed.minutes(one).includes(0));
      fake.history.push(...upTo(20).map((minute) => makeBar(one, minute)));
      if (how.includes("frame")) await relay.inject(of.half);
      relay.cut();
      (await fake.connection()).bars(makeBar(one, 20), makeBar(one, 21));
      await feed.until(() => feed.minutes(one).includes(20) && feed.minutes(one).includes(19));
      assertEquals(feed.minutes(one).filter((minute) => minute <= 20), upTo(21));
      assertEquals(feed.losses().length, 1);
      assertEquals(feed.rejected, []);
    });
  }

  test("heartbeats are no data: a silent stall is found through history, and the connection renewed", async () => {
    await using fake = of.start();
    // Only the date is in the test's hands: sockets and timers go on.
    const clock = FakeTimers.install({ toFake: ["Date"], now: OPEN });
    try {
      await using feed = await open(fake, { symbols: [one], stallMs: 40 });
      const connection = await fake.connection();
      const beating = setInterval(connection.heartbeat, 5);
      await feed.told(() => feed.events.some((event) => event.type === "feed-state" && event.state === "live"));
      clock.setSystemTime(OPEN + 5 * MINUTE);
      const before = feed.histories();
      // A quiet market: history is asked, has nothing, and nothing is done.
      await feed.told(() => feed.histories() > before);
      assertEquals(feed.losses(), []);
      fake.history.push(...[6, 7].map((minute) => ({ ...makeBar(one, minute), ts: OPEN + minute * MINUTE })));
      clock.setSystemTime(OPEN + 12 * MINUTE);
      await fake.connection();
      clearInterval(beating);
      assertEquals(feed.losses(), ["stall"]);
    } finally {
      clock.uninstall();
    }
  });

  test("corrections, duplicates and late bars leave each minute as it was last", async () => {
    await using fake = of.start();
    await using feed = await open(fake, { symbols: of.symbols });
    const connection = await fake.connection();
    for (const minute of [0, 0, 1, 3, 3]) connection.bars(makeBar(one, minute));
    // The other symbol's bars show how far the first one's are.
    connection.bars(makeBar(two, 0), makeBar(two, 1));
    await feed.until(() => feed.minutes(one).length === 3 && feed.minutes(two).length > 0);
    connection.bars(makeBar(one, 2));
    connection.correct(makeBar(one, 1, 7.5));
    connection.correct(makeBar(one, 0, 8.5));
    await feed.until(() => feed.stored.get(`${one} 0`)!.volume === 8.5);
    assertEquals(feed.minutes(one), upTo(4));
    assertEquals(upTo(4).map((minute) => feed.stored.get(`${one} ${minute}`)!.volume), [8.5, 7.5, 2.25, 3.25]);
    assertEquals(upTo(2).map((minute) => feed.stored.get(`${one} ${minute}`)!.status), Array(2).fill("correction"));
    assertEquals([feed.losses(), feed.rejected], [[], []]);
  });

  const { malformed, ignored = [] } = of;
  if (malformed !== undefined) {
    test("malformed items are rejected, with a reason, and the connection stays open", async () => {
      await using fake = of.start();
      await using feed = await open(fake, { symbols: [one] });
      const connection = await fake.connection();
      const texts = [...NONSENSE, ...malformed.texts];
      for (const text of [...texts, ...ignored]) connection.raw!(text);
      connection.bars(makeBar(one, 0));
      await feed.until(() => feed.minutes(one).length === 1);
      assertEquals(feed.rejected.length, texts.length, feed.rejected.join("\n"));
      assert(feed.rejected.every((reason) => reason.length > 5));
      assertEquals(feed.losses(), []);
    });

    test("frames of ten megabytes neither end the connection nor fill the dead letters", async () => {
      await using fake = of.start();
      await using feed = await open(fake, { symbols: [one], bufferRecords: 1000 });
      const connection = await fake.connection();
      connection.raw!(`"${"x".repeat(10_000_000)}"`);
      connection.raw!(`[${"1,".repeat(2_000_000)}1]`);
      connection.raw!(`{"data":[${"1,".repeat(2_000_000)}1],"channel":"ohlc"}`);
      connection.bars(makeBar(one, 0));
      await feed.until(() => feed.minutes(one).length === 1);
      assert(feed.rejected.length > 0 && feed.rejected.length < 10, `${feed.rejected.length} rejected`);
      assertEquals(feed.losses(), []);
    });
  }

  test("a storm of throttles and errors is waited out, page by page", async () => {
    await using fake = of.start();
    fake.history.push(...upTo(50).map((minute) => makeBar(one, minute)));
    fake.storm();
    await using feed = await open(fake, { symbols: [one], newest: new Map([[one, START]]) });
    await feed.until(() => feed.minutes(one).includes(49));
    assertEquals(feed.minutes(one), upTo(50));
    const read = feed.bars.map(({ ts }) => ts);
    assertEquals(read, read.toSorted((a, b) => a - b));
    assertEquals(feed.losses(), []);
  });

  test("a refused symbol is named once, and the others stay subscribed", async () => {
    await using fake = of.start();
    await using feed = await open(fake, { symbols: [of.unknown, one] });
    const connection = await fake.connection();
    connection.bars(makeBar(one, 0));
    await feed.until(() => feed.minutes(one).length === 1);
    await feed.told(() => feed.context.notices.length > 0);
    connection.bars(makeBar(one, 1));
    await feed.until(() => feed.minutes(one).length === 2);
    assertEquals(feed.context.notices.length, 1);
    assert(feed.context.notices[0].startsWith(`${of.unknown} is refused: `), feed.context.notices[0]);
    assertEquals(feed.losses(), []);
  });

  test("a connection without a reader is dropped on purpose, and history fills in the bars", async () => {
    await using fake = of.start();
    fake.history.push(...upTo(20).map((minute) => makeBar(one, minute)));
    await using feed = await open(fake, { symbols: [one], bufferRecords: 8, newest: new Map([[one, START]]) });
    const connection = await fake.connection();
    for (const minute of upTo(20)) connection.bars(makeBar(one, minute));
    await feed.told(() => feed.losses().length > 0);
    assertEquals(feed.losses()[0], "overflow");
    await feed.until(() => feed.minutes(one).length === 20);
  });

  test("a cancelled stream lets go of its connection", async () => {
    await using fake = of.start();
    await using relay = startRelay(fake.port);
    const feed = await open(fake, { symbols: [one], port: relay.port });
    await fake.connection();
    await feed.reader.cancel();
    await relay.idle();
    await feed[Symbol.asyncDispose]();
  });

  test("a stop hands over the received frames, and ends the stream", async () => {
    await using fake = of.start();
    await using feed = await open(fake, { symbols: [one] });
    const connection = await fake.connection();
    for (const minute of upTo(3)) connection.bars(makeBar(one, minute));
    // Nobody reads: they are held where the stop finds them.
    await feed.told(() => feed.emitted() === 3);
    feed.context.stopping.abort();
    await assertRejects(() => feed.until(() => false), Error, "the stream ended too early");
    assertEquals(feed.minutes(one), upTo(3));
  });
}
