import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createAlpaca } from "../../src/providers/alpaca.ts";
import { createBinance } from "../../src/providers/binance.ts";
import { createKraken } from "../../src/providers/kraken.ts";
import { readAddress } from "../../src/providers/live/transport/address.ts";
import { createMassive } from "../../src/providers/massive.ts";
import { providerSettings } from "../support/providers.ts";
import type { SettingError } from "../../src/providers/provider.ts";

function read(text: string, standard: string, added?: RegExp): string {
  const problems: SettingError[] = [];
  const address = readAddress(() => text, "SOME_URL", standard, problems, { added });
  return problems.length > 0 ? problems[0].message : address;
}

Deno.test("an address may end with slashes, and without a path it has the standard one", () => {
  const standard = "wss://stream.example/stocks";
  assertEquals(read("ws://127.0.0.1:8080", standard), "ws://127.0.0.1:8080/stocks");
  assertEquals(read(" ws://127.0.0.1:8080// ", standard), "ws://127.0.0.1:8080/stocks");
  assertEquals(read("ws://127.0.0.1:8080/own/", standard), "ws://127.0.0.1:8080/own");
  assertEquals(read("wss://127.0.0.1", standard), "wss://127.0.0.1/stocks");
});

Deno.test("an addition to an address may be there already", () => {
  const standard = "https://api.example";
  const added = /\/0(\/public)?$/;
  for (const text of ["http://[::1]:1", "http://[::1]:1/", "http://[::1]:1/0", "http://[::1]:1/0/public/"]) {
    assertEquals(read(text, standard, added), "http://[::1]:1");
  }
  assertEquals(read("http://proxy/kraken/0", standard, added), "http://proxy/kraken");
});

Deno.test("an invalid address is reported, without its password", () => {
  assertEquals(
    read("ws://127.0.0.1", "https://a.example"),
    'current value is "ws://127.0.0.1", expected an address like https://a.example',
  );
  assertEquals(
    read("http://me:secret@host", "https://a.example"),
    "current value (not shown), expected an address like https://a.example",
  );
});

for (
  const [create, variable, address, expected] of [
    [
      createMassive,
      "MASSIVE_STREAM_URL",
      "wss://socket.massive.com/crypto",
      /like wss:\/\/socket.massive.com\/stocks: massive reads the cluster of stocks alone/,
    ],
    [createMassive, "MASSIVE_STREAM_URL", "wss://delayed.massive.com/indices/", /stocks alone/],
    [createMassive, "MASSIVE_STREAM_URL", "wss://socket.massive.com/futures/cme", /stocks alone/],
    [
      createAlpaca,
      "ALPACA_STREAM_URL",
      "wss://stream.data.alpaca.markets/v1beta3/crypto/us",
      /alpaca reads stocks alone/,
    ],
    [createAlpaca, "ALPACA_STREAM_URL", "wss://stream.data.alpaca.markets/v1beta1/indicative", /stocks alone/],
    [createAlpaca, "ALPACA_DATA_URL", "https://data.alpaca.markets/v1beta3/crypto/us", /stocks alone/],
    [createKraken, "KRAKEN_WS_URL", "wss://futures.kraken.com/ws/v1", /kraken reads the spot market alone/],
    [createKraken, "KRAKEN_REST_URL", "https://futures.kraken.com", /spot market alone/],
    [createBinance, "BINANCE_WS_URL", "wss://fstream.binance.com", /binance reads the spot market alone/],
    [createBinance, "BINANCE_REST_URL", "https://dapi.binance.com", /spot market alone/],
  ] as const
) {
  Deno.test(`${address} is refused with a sentence`, () => {
    const keys = { MASSIVE_API_KEY: "k", ALPACA_API_KEY: "k", ALPACA_SECRET_KEY: "s" };
    const variables: Record<string, string> = { ...keys, [variable]: address };
    const symbols = create === createKraken ? ["BTC/USD"] : ["BTCUSDT"];
    const thrown = assertThrows(
      () => create(providerSettings({ symbols, variable: (name) => variables[name] })),
      Error,
    );
    const errors: SettingError[] = thrown instanceof AggregateError ? thrown.errors : [thrown];
    assertEquals(errors.map(({ option }) => option), [variable]);
    assertMatch(errors[0].message, new RegExp(`^current value is "${address}", expected an address`));
    assertMatch(errors[0].message, expected);
  });
}
