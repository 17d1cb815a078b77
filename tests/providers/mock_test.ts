import { assert, assertEquals, assertThrows } from "@std/assert";
import { createMock } from "../../src/providers/mock.ts";
import { SettingError } from "../../src/providers/provider.ts";
import { type Bar, bar } from "../../src/records/bar.ts";
import { makeDirectory, providerSettings } from "../support/providers.ts";
import { createContext, readFrames, testProvider } from "./conformance.ts";
import { recordsOf } from "../support/frames.ts";

testProvider("mock", {
  async make() {
    const directory = await makeDirectory();
    return {
      provider: createMock(providerSettings({ speed: "max", dataDir: directory.path })),
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  },
});

async function readBars(given: Parameters<typeof providerSettings>[0], settle = false): Promise<Bar[]> {
  const provider = createMock(providerSettings({ speed: "max", ...given }));
  const frames = await readFrames(provider.open(createContext()), settle);
  await provider.close?.();
  return frames.flatMap((frame) => recordsOf(frame));
}

Deno.test("mock gives exactly the limit of sound bars, each symbol's one minute after another", async () => {
  const bars = await readBars({ limit: 1501 });
  assertEquals(bars.length, 1501);
  for (const each of bars) assertEquals(bar.validate(each, Date.now()), undefined);
  const times = bars.filter(({ symbol }) => symbol === "AAPL").map(({ ts }) => ts);
  assert(times.every((ts, at) => at === 0 || ts === times[at - 1] + 60_000));
});

Deno.test("mock gives the same bars in every run, with any other symbols", async () => {
  const values = (bars: Bar[]) =>
    bars.filter(({ symbol }) => symbol === "MSFT").map(({ ts, open, close, volume }) => ({ ts, open, close, volume }));
  const [both, alone] = [await readBars({ limit: 200 }), await readBars({ limit: 100, symbols: ["MSFT"] })];
  assertEquals(values(both), values(alone));
});

Deno.test("mock continues after the last settled bar with --resume, and begins again without", async () => {
  await using directory = await makeDirectory();
  const first = await readBars({ limit: 100, dataDir: directory.path }, true);
  const resumed = await readBars({ limit: 100, dataDir: directory.path, resume: true }, true);
  assertEquals(resumed[0].ts, first.at(-1)!.ts + 60_000);
  const anew = await readBars({ limit: 100, dataDir: directory.path });
  assertEquals(anew[0].ts, first[0].ts);
});

Deno.test("mock is paced at 1000 bars a second, and at N times real time with --speed N", () => {
  assertEquals(createMock(providerSettings({})).rate, 1000);
  assertEquals(createMock(providerSettings({ speed: 60 })).rate, 2);
  assertEquals(createMock(providerSettings({ speed: "max" })).rate, undefined);
});

Deno.test("mock without symbols is refused and names the option", () => {
  const error = assertThrows(() => createMock(providerSettings({ symbols: [] })), SettingError);
  assertEquals(error.option, "symbols");
});
