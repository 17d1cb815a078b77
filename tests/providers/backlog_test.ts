import { assertEquals } from "@std/assert";
import { fakeClock } from "../support/clock.ts";
import { BAR, barBefore, MINUTE, NOW, runScripted } from "../support/scripted_feed.ts";

const CORRECTED = 7;
/** The newest bars as they were streamed first, which a vendor repeats at a subscription. */
const BACKLOG = [3, 2, 1].map((minutes) => barBefore(minutes));

/** A new feed whose bars are all corrected soon, and whose history has the corrections. */
function runCorrected() {
  return runScripted({
    symbols: ["BTC/USD"],
    correctionMs: 5 * MINUTE,
    options: { stallMs: 60 * MINUTE },
    answer({ from, to }) {
      const bars = Array.from({ length: from - to }, (_, at) => barBefore(from - at));
      return [bars.filter(({ ts }) => ts + MINUTE <= Date.now()).map((bar) => ({ ...bar, volume: CORRECTED }))];
    },
  });
}

/** Volumes of the bars of the backlog, each as it was handed over last. */
function volumesOf(bars: readonly { readonly ts: number; readonly volume: number }[]) {
  const last = new Map(bars.map(({ ts, volume }) => [(BAR - ts) / MINUTE, volume]));
  return [3, 2, 1].map((minutes) => last.get(minutes));
}

Deno.test("plain bars that were over before the first subscription are compared with history", async () => {
  using clock = fakeClock(NOW);
  const run = await runCorrected();
  const [{ session }] = run.connections;
  session.subscribed("BTC/USD");
  session.emit(BACKLOG);
  await clock.tick(10 * MINUTE);
  assertEquals(volumesOf(run.bars), [CORRECTED, CORRECTED, CORRECTED]);
  await run.stop();
});

Deno.test("a plain bar that ends after the subscription is not asked for", async () => {
  using clock = fakeClock(NOW);
  const run = await runCorrected();
  const [{ session }] = run.connections;
  session.subscribed("BTC/USD");
  await clock.tick(MINUTE / 2);
  session.emit([barBefore(0)]);
  await clock.tick(10 * MINUTE);
  assertEquals(run.asked, []);
  await run.stop();
});
