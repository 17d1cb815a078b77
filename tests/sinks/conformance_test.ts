import { missingServer, startPostgres, type TestServer } from "../support/postgres.ts";
import { postgresUnderTest } from "../support/postgres_sink.ts";
import { migratedDatabase } from "../support/server_tests.ts";
import { testSink } from "./conformance.ts";

const missing = missingServer();
let server: TestServer;
if (missing === undefined) {
  Deno.test.beforeAll(async () => {
    server = await startPostgres();
  });
  Deno.test.afterAll(async () => await server[Symbol.asyncDispose]());
}

testSink({
  name: "postgres",
  missing,
  open: async () => postgresUnderTest((await migratedDatabase(server)).database),
});
