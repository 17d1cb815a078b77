import { assert } from "@std/assert";
import { AT_MOST_AHEAD } from "../../../src/providers/live/history/share.ts";
import { makeDirectory } from "../../support/providers.ts";
import { testWhere } from "../../support/skip.ts";
import { accounts, type LoadAccount } from "./accounts.ts";
import { CALM_MINUTES, type LoadOptions, runLoad } from "./run.ts";

// `deno task model --requests` and `--outages` do the same with 1,000 symbols.
async function run(account: LoadAccount, options: Omit<LoadOptions, "account" | "dataDir">) {
  await using directory = await makeDirectory();
  return await runLoad({ account, dataDir: directory.path, ...options });
}

/** Requests of questions in flight when a share is used up. */
const AT_ONCE = 12;
/** Most requests of so many minutes without an outage. */
const allowedIn = (minutes: number, { perMinute, share }: LoadAccount) =>
  minutes * perMinute * share + AT_MOST_AHEAD + AT_ONCE;

for (const [title, account] of Object.entries(accounts)) {
  testWhere(
    undefined,
    `${title}: new symbols and thin ones keep to the share of the vendor's rate from the start`,
    async () => {
      const minutes = [1, 30, 10] as const;
      const { requests, refusals } = await run(account, { symbols: 60, thin: 54, minutes });
      const allowed = allowedIn(41, account);
      assert(
        requests <= allowed && refusals === 0,
        `${requests} requests, ${allowed} are allowed, ${refusals} refused`,
      );
      assert(requests >= 2);
    },
  );
}

for (const [title, account] of Object.entries(accounts)) {
  testWhere(undefined, `${title}: requests that are repeated while history fails keep to the share, too`, async () => {
    const { requests } = await run(account, { symbols: 30, thin: 27, minutes: [1, 60, 0], failing: [2, 55] });
    const allowed = allowedIn(61, account);
    assert(requests <= allowed, `${requests} requests, ${allowed} are allowed`);
  });
}

const SYMBOLS = { "alpaca": 200, "massive, free plan": 20, "kraken": 40 };
for (const [title, account] of Object.entries(accounts)) {
  testWhere(undefined, `${title}: an hour's outage is repaired as fast as the account may ask`, async () => {
    const symbols = SYMBOLS[title as keyof typeof SYMBOLS] ?? 120;
    const { repairedAfter, repairRequests, calmRequests } = await run(account, {
      ...{ symbols, thin: symbols / 2, minutes: [1, 80, 0], outage: [5, 65] },
    });
    const needed = account.requestsFor(symbols, 60);
    const seconds = needed / account.pacePerMinute * 60;
    const found = `${repairedAfter} s and ${repairRequests} requests, ${seconds} s and ${needed} are needed`;
    // An answer and its commit take a moment.
    assert(repairedAfter <= 1.2 * seconds + 1 && repairRequests <= 1.2 * needed, found);
    const allowed = CALM_MINUTES * account.perMinute * account.share + AT_ONCE;
    assert(calmRequests <= allowed, `${calmRequests} requests in the minutes after it, ${allowed} are allowed`);
  });
}
