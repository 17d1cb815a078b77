import { assert, assertEquals } from "@std/assert";
import type { App } from "../../src/app/app.ts";
import { startProgress } from "../../src/cli/progress.ts";
import { configureLog } from "../../src/telemetry/log.ts";
import { logEvents } from "../../src/telemetry/log_events.ts";
import { createRandom } from "../endtoend/random.ts";
import { createMarket, MINUTE } from "../model/market.ts";
import { NO_MISDEEDS } from "../model/plan.ts";
import { startProcess } from "../model/process.ts";
import { watchProgress } from "../model/progress/mod.ts";
import { startVendor } from "../model/vendor.ts";
import { startVirtualTime } from "../model/virtual_time.ts";
import { createMemoryTable } from "../support/memory_table.ts";
import { makeDirectory } from "../support/providers.ts";
import { captureStderr } from "../support/stderr.ts";

const DAY = 24 * 60 * MINUTE;
/** A Wednesday, whose session is from 14:30 to 21:00 UTC. */
const START = Date.parse("2024-01-03T00:00:00Z");
const [OPENING, CLOSE] = [START + 870 * MINUTE, START + 1260 * MINUTE];

Deno.test("a quiet day of a live feed writes at most 50 lines of log, each of them JSON", async () => {
  await using directory = await makeDirectory();
  using captured = captureStderr();
  using rest = await watchProgress();
  using time = startVirtualTime(START, rest.settle);
  await configureLog({ level: "info", format: "json" });
  const table = createMemoryTable();
  const listings = ["AAPL", "MSFT", "F", "THIN"].map((symbol, at) => ({
    symbol,
    density: [1, 1, 0.9, 0.1][at],
    halts: [],
  }));
  const market = createMarket({
    ...{ random: createRandom(1), listings, from: OPENING, to: CLOSE, late: 0 },
    ...{ corrected: 0.1, correctionMs: [25_000, 35_000] },
  });
  const vendor = startVendor({
    ...{ name: "alpaca", time, market, touch: rest.touch, misdeeds: NO_MISDEEDS },
    stored: (symbol, ts) => table.row("alpaca", symbol, ts),
  });
  const provider = vendor.provider(directory.path);
  const process = startProcess({ provider, table, time, random: createRandom(2), stalls: [], listen: logEvents() });
  const app = {
    tenants: () => [{ providers: () => [provider] }],
    ledger: () => ({ received: table.saves, journaled: 0, deadLettered: 0 }),
    health: () => ({ coordinators: [] }),
  } as unknown as App;
  const progress = startProgress(false);
  progress.start(app);
  await time.runUntil(START + DAY);
  progress.stop();
  await time.runWith(process.stop());
  await time.runWith(vendor[Symbol.asyncDispose]());

  const lines = captured.lines().map((line) => JSON.parse(line));
  assert(lines.length <= 50, lines.map(({ message }) => message).join("\n"));
  assertEquals(table.newest("alpaca").get("AAPL")?.ts, CLOSE - MINUTE);
  const told = lines.filter(({ message }) => message.startsWith("Progress: "));
  const times = told.map((line) => line["@timestamp"].slice(11, 16));
  assert(told.length >= 20, times.join());
  assert(times.includes("14:30") && times.includes("21:00"), `at the open and the close, of ${times}`);
});
