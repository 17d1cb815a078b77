import { assertEquals } from "@std/assert";
import { startPostgres } from "./postgres.ts";

Deno.test("the test server gives empty databases and can be stopped and started", async () => {
  await using server = await startPostgres();
  const url = await server.createDatabase();
  assertEquals(await server.query("SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'", url), [
    { tables: 0 },
  ]);
  await server.control?.stop("fast");
  await server.control?.start();
  assertEquals(await server.query("SELECT 1 AS one", url), [{ one: 1 }]);
});
