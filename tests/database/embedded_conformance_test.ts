import type { Database } from "../../src/database/database.ts";
import { openEmbedded } from "../../src/database/embedded.ts";
import { prepareDatabase } from "../../src/database/migrate.ts";
import { select } from "../support/lanes.ts";
import { postgresUnderTest } from "../support/postgres_sink.ts";
import { testSink } from "../sinks/conformance.ts";

let directory: string;
let database: Database;

// One for all: it takes seconds to start.
Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  database = await openEmbedded(directory);
  await prepareDatabase(database);
});
Deno.test.afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await Deno.remove(directory, { recursive: true });
});

testSink({
  name: "embedded",
  open: () =>
    Promise.resolve({
      ...postgresUnderTest(database),
      async hold() {
        const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const turn = database.turn!(() => {
          begun.resolve();
          return ended.promise;
        });
        await begun.promise;
        return {
          async [Symbol.asyncDispose]() {
            ended.resolve();
            await turn;
          },
        };
      },
      async [Symbol.asyncDispose]() {
        await select(database, "ALTER TABLE bar DROP CONSTRAINT IF EXISTS refused");
        await select(database, "TRUNCATE bar, series_key");
      },
    }),
});
