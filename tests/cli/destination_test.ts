import { assertEquals, assertStringIncludes } from "@std/assert";
import { csvFile } from "../support/bars.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();

Deno.test({
  name: "--resume reads a file again for each database, a server's or the embedded one, and then continues there",
  ignore: server === undefined,
  async fn() {
    await using work = await openWorkspace(server);
    const file = await work.write("bars.csv", csvFile(100));
    const other = await server!.createDatabase();
    const received = async (database: string) => {
      const { code, json, stderr } = await work.ingest(["--file", file, "--resume", "--database", database]);
      assertEquals(code, 0, stderr);
      return { received: json.received, stored: json.stored, stderr };
    };
    assertEquals((await received(work.database)).stored, 100);
    assertEquals((await received(work.database)).received, 0);
    const elsewhere = await received(other);
    assertEquals(elsewhere.stored, 100);
    assertStringIncludes(elsewhere.stderr, "Records go to another database");
    assertEquals((await received("embedded")).stored, 100);
    assertEquals((await received("embedded")).received, 0);
    // A restore of the first: the rows that were read are gone, and so is the table that they were in.
    await server!.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public", other);
    assertEquals((await received(other)).stored, 100);
  },
});
