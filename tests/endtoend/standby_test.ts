import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import type { StandbyReport } from "./standby_day.ts";
import { missingClock, runFast } from "./trial.ts";

const SEED = Number(Deno.env.get("STANDBY_SEED") ?? 1);

testWhere(
  missingServer() ?? missingClock(),
  `after 40 minutes of faults at two providers that stand in for each other, no minute is missing (seed ${SEED})`,
  async () => {
    const reports: StandbyReport[] = [];
    const script = fromFileUrl(new URL("standby_day.ts", import.meta.url));
    for await (const line of runFast([script, `--seed=${SEED}`, "--minutes=40"])) reports.push(JSON.parse(line));
    const [{ missing, changes, bars, letters }] = reports;
    assertEquals({ missing, letters }, { missing: [], letters: 0 }, changes.join(", "));
    assert(changes.length > 2, changes.join(", "));
    assert(bars.every((count) => count > 0), bars.join());
  },
);
