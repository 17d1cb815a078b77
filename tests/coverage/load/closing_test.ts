import { deadline } from "@std/async/deadline";
import { watchProgress } from "../../model/progress/mod.ts";
import { startVirtualTime } from "../../model/virtual_time.ts";
import { accounts } from "./accounts.ts";
import { NOON } from "./run.ts";

/** Far more than it takes, and less than for ever. */
const MAX_MS = 60_000;

Deno.test("a connection to TWS that has just sent a message closes in virtual time", async () => {
  await deadline(readAndClose(), MAX_MS);
});

/** Asks for bars, and closes the connection with the answer: the client counts its message for some time more. */
async function readAndClose(): Promise<void> {
  using progress = await watchProgress();
  using time = startVirtualTime(NOON, progress.settle);
  const vendor = accounts.ibkr.start(["S0"], time.now);
  await using _vendor = time.disposing(vendor);
  const feed = vendor.makeFeed();
  const read = Array.fromAsync(feed.history(["S0"], NOON - 60_000, NOON, new AbortController().signal));
  await time.runWith(read.then(() => {}));
}
