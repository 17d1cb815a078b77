import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { inspectProviders } from "../../src/app/configured.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { ConfigProblem } from "../../src/config/problem.ts";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { createMessageReader } from "../../src/providers/alpaca/messages.ts";
import { SettingError } from "../../src/providers/provider.ts";
import { bar as kind } from "../../src/records/bar.ts";
import { bar, connect, createSession } from "../support/alpaca.ts";
import { KEY, SECRET, startFakeAlpaca } from "../support/fake_alpaca.ts";
import { providerSettings } from "../support/providers.ts";

const keys = { ALPACA_API_KEY: KEY, ALPACA_SECRET_KEY: SECRET };
const create = (variables: Record<string, string>, options: Parameters<typeof providerSettings>[0] = {}) =>
  createAlpaca(providerSettings({ variable: (name) => variables[name], ...options }));

Deno.test("all problems are reported at once, by the names of options and variables", () => {
  let problems: readonly ConfigProblem[] = [];
  const variables: Record<string, string> = {
    ALPACA_FEED: "iexx",
    ALPACA_STREAM_URL: "https://example.com",
    ALPACA_DATA_URL: "nowhere",
  };
  loadConfig({
    flags: new Map<string, unknown>([["provider", ["alpaca"]], ["timeframe", "5m"]]),
    env: (name) => variables[name],
    dotenv: "no such file",
    check(config) {
      ({ problems } = inspectProviders(config));
      return [];
    },
  });
  assertEquals(problems.map(({ key, source }) => `${key} from ${source}`), [
    "timeframe from --timeframe",
    "ALPACA_API_KEY from environment",
    "ALPACA_SECRET_KEY from environment",
    "ALPACA_FEED from environment",
    "ALPACA_STREAM_URL from environment",
    "ALPACA_DATA_URL from environment",
  ]);
  assertStringIncludes(problems[1].message, "it is not set");
});

Deno.test("a single problem is reported alone", () => {
  assertEquals(assertThrows(() => create(keys, { symbols: [] }), SettingError).option, "symbols");
  assertEquals(assertThrows(() => create(keys, { symbols: ["AAPL", "*"] }), SettingError).option, "symbols");
  assertEquals(assertThrows(() => create(keys, { timeframe: "1h" }), SettingError).option, "timeframe");
  const blank = { ...keys, ALPACA_SECRET_KEY: " " };
  assertEquals(assertThrows(() => create(blank), SettingError).option, "ALPACA_SECRET_KEY");
  assertEquals(create(keys).name, "alpaca");
});

Deno.test("the feed is part of the address, unless the stream has a path of its own", async () => {
  await using fake = startFakeAlpaca();
  await using test = await connect(fake, { symbols: ["FAKEPACA"], variables: { ALPACA_FEED: "test" } });
  (await fake.connection()).bars(bar(0, { symbol: "FAKEPACA" }));
  await test.read((bars) => bars.length === 1);
  const { ALPACA_STREAM_URL, ALPACA_DATA_URL } = fake.variables;
  const own = { ALPACA_STREAM_URL: `${ALPACA_STREAM_URL}/own/stream`, ALPACA_DATA_URL: `${ALPACA_DATA_URL}/own/` };
  await using proxied = await connect(fake, { variables: own, newest: new Map([["AAPL", Date.now()]]) });
  (await fake.connection()).bars(bar(0));
  await proxied.read((bars) => bars.length === 1);
  await fake.until(() => fake.requests.length > 0);
  assertEquals([...new Set(fake.received.map(({ path }) => path))], ["/v2/test", "/own/stream"]);
  assertEquals(fake.requests[0].pathname, "/own/v2/stocks/bars");
});

Deno.test("no input makes it throw, or makes a bar without numbers", () => {
  const noted = createSession();
  const ignore = { success: () => {}, subscription: () => {}, error: () => false };
  const read = createMessageReader(noted.session, new Set(["AAPL"]), ignore);
  const { symbol, ts, ...prices } = bar(0);
  const item = {
    T: "b",
    S: symbol,
    o: prices.open,
    h: prices.high,
    l: prices.low,
    c: prices.close,
    v: 2.5,
    n: 3,
    vw: 1,
  };
  const message = JSON.stringify([{ ...item, t: new Date(ts).toISOString() }, {
    ...item,
    T: "u",
    t: "2024-07-24T07:56Z",
  }]);
  let seed = 1;
  const random = (below: number) => {
    seed = Math.imul(seed, 1_664_525) + 1_013_904_223 | 0;
    return (seed >>> 8) % below;
  };
  const pieces = [
    "",
    "null",
    "[",
    "]",
    "{",
    "}",
    '"',
    ",",
    "-",
    "9",
    "e9",
    "1e999",
    "true",
    '"T":"b"',
    "\u0000",
    "[[]]",
  ];
  for (let round = 0; round < 100_000; round++) {
    const at = random(message.length);
    read(message.slice(0, at) + pieces[random(pieces.length)] + message.slice(at + random(6)));
  }
  for (const made of noted.bars) {
    const { open, high, low, close, volume } = made;
    if (![open, high, low, close, volume, made.ts].every(Number.isFinite)) throw new Error(Deno.inspect(made));
    if (typeof made.symbol !== "string" || made.ts % 60_000 !== 0) throw new Error(Deno.inspect(made));
    kind.validate({ ...made, provider: "alpaca", receivedAt: 0 }, Date.now());
  }
  noted.end();
});
