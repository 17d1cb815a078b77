import { assertEquals } from "@std/assert";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { createKraken } from "../../src/providers/kraken.ts";
import { createMassive } from "../../src/providers/massive.ts";
import { readDialect } from "../support/dialect.ts";

// What the documentation leaves open, other servers may do in another way than the fakes.
const MINUTE = 60_000;
const START = Math.floor(Date.now() / MINUTE) * MINUTE - 60 * MINUTE;
const at = (minute: number) => START + minute * MINUTE;
/** As a server in New York's summer may write a time. */
const withOffset = (ms: number) => new Date(ms - 4 * 60 * MINUTE).toISOString().replace("Z", "-04:00");
const minutes = (bars: readonly { ts: number }[]) => bars.map(({ ts }) => (ts - START) / MINUTE).toSorted();
const bytes = (message: unknown) => new TextEncoder().encode(JSON.stringify(message));

Deno.test("Alpaca with bytes for text, times with offsets, whole numbers, fields in any order, and pages without bars", async () => {
  const prices = { c: 10, l: 9, h: 11, o: 10 };
  await using alpaca = await readDialect(createAlpaca, {
    greeting: [bytes([{ msg: "connected", T: "success" }])],
    hear({ action, bars }) {
      if (action === "auth") return [bytes([{ T: "success", msg: "authenticated", user: "somebody" }])];
      return [JSON.stringify([
        { T: "subscription", bars },
        { t: withOffset(at(5)), v: 1, ...prices, S: "brk.b", T: "b", x: { y: [] } },
      ])];
    },
    answer(url) {
      const page = url.searchParams.get("page_token") ?? "0";
      if (page === "3") {
        return { bars: { "brk.b": [{ t: new Date(at(4)).toISOString(), v: 2, ...prices }] }, next_page_token: "" };
      }
      return [{ bars: null, next_page_token: "1" }, { bars: null, next_page_token: "2" }, {
        bars: {},
        next_page_token: "3",
      }][+page];
    },
  }, {
    symbols: ["brk.b"],
    variables: { ALPACA_API_KEY: "k", ALPACA_SECRET_KEY: "s", ALPACA_STREAM_URL: "ws/v2/", ALPACA_DATA_URL: "http/v2" },
    newest: new Map([["brk.b", at(3)]]),
  });
  const { bars, rejected } = await alpaca.read((bars) => bars.length >= 2);
  assertEquals([minutes(bars), rejected, alpaca.notices], [[4, 5], [], []]);
  assertEquals(alpaca.requests[0].pathname, "/v2/stocks/bars");
});

Deno.test("Massive with statuses without a message, several topics in one, and results that are null", async () => {
  const prices = { o: 10, c: 10, h: 11, l: 9, v: 2 };
  await using massive = await readDialect(createMassive, {
    greeting: ['[{"ev":"status","status":"connected"}]'],
    hear({ action }) {
      if (action === "auth") return ['[{"ev":"status","status":"auth_success"}]'];
      const message = "subscribed to: AM.BRK.B, AM.F";
      const live = { ev: "AM", sym: "F", s: at(5), e: at(6), ...prices };
      return [JSON.stringify([{ status: "success", ev: "status", message }]), bytes([live])];
    },
    answer(url) {
      if (url.pathname.includes("/F/")) return { status: "OK", results: null };
      const next_url = `https://api.massive.com${url.pathname}?cursor=2`;
      return url.searchParams.has("cursor")
        ? { status: "DELAYED", results: [{ t: at(4), ...prices }] }
        : { status: "OK", resultsCount: 0, next_url };
    },
  }, {
    symbols: ["BRK.B", "F"],
    variables: { POLYGON_API_KEY: "k", MASSIVE_STREAM_URL: "ws/", MASSIVE_REST_URL: "http/" },
    newest: new Map([["BRK.B", at(3)], ["F", at(3)]]),
  });
  const { bars, rejected } = await massive.read((bars) => bars.length >= 2);
  assertEquals([minutes(bars), rejected, massive.notices], [[4, 5], [], []]);
});

Deno.test("Kraken without a status, without heartbeats, and with one answer for all symbols or none", async () => {
  const item = (symbol: string, minute: number) => ({
    interval_begin: new Date(at(minute)).toISOString().replace(".000Z", "+00:00"),
    ...{ close: 10, symbol, high: 11, low: 9, open: 10, volume: 3 },
  });
  const update = (...data: unknown[]) => JSON.stringify({ channel: "ohlc", type: "update", data });
  for (const result of [{ channel: "ohlc", symbol: ["BTC/USD", "ETH/USD"] }, undefined]) {
    await using kraken = await readDialect(createKraken, {
      hear({ method, req_id }) {
        if (method !== "subscribe") return [];
        const answer = JSON.stringify({ method, success: true, req_id, result });
        return [answer, update(item("BTC/USD", 4), item("ETH/USD", 5)), update(item("BTC/USD", 5), item("ETH/USD", 6))];
      },
      answer: () => ({ error: [], result: { XXBTZUSD: [], last: 0 } }),
    }, { symbols: ["BTC/USD", "ETH/USD"], variables: { KRAKEN_WS_URL: "ws", KRAKEN_REST_URL: "http/0/" } });
    const { bars, rejected } = await kraken.read((bars) => bars.length >= 2);
    const odd = result === undefined ? ["answer is about no symbol that was asked for"] : [];
    assertEquals([minutes(bars), rejected, kraken.notices], [[4, 5], odd, []]);
  }
});
