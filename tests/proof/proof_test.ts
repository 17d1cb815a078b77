import { missingNats } from "../support/nats.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { prove } from "./run.ts";

const missing = missingServer() ?? missingNats() ??
  (Deno.env.has("TEST_DATABASE_URL") ? "the server of TEST_DATABASE_URL is not the test's to stop" : undefined);

testWhere(
  missing,
  "edges, stream and hub lose nothing and store nothing wrongly, whatever is killed meanwhile",
  async () => {
    await prove({ bars: 60_000, rate: 4000, disturbEveryMs: 1500, seed: 7, report: console.log });
  },
);
