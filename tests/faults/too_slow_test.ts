import { assert, assertEquals } from "@std/assert";
import { numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import { startPipeline } from "../support/pipeline.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();

/** Makes each row take 5 ms, so that a batch takes longer than it may. */
const SLOW = `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.005); RETURN new; END $$;
  CREATE TRIGGER slow BEFORE INSERT ON bar FOR EACH ROW EXECUTE FUNCTION slow()`;

for (
  const { setting, code, version } of [
    { setting: "statement_timeout", code: "57014", version: 14 },
    { setting: "transaction_timeout", code: "25P04", version: 17 },
  ]
) {
  test(`batches that run into ${setting} of the server (${code}) are written in smaller ones`, async (server) => {
    const { url, database } = await migratedDatabase(server);
    await server.query(SLOW, url);
    const name = new URL(url).pathname.slice(1);
    await server.query(`ALTER DATABASE ${name} SET ${setting} = 400`);
    const source = numberedProvider({ count: 600, frameSize: 200 });
    // The program's own limit on statements is no less.
    await using pipeline = await startPipeline(url, [source], {
      ...{ workers: "1", batchSize: "200", writeTimeoutMs: setting === "statement_timeout" ? "400" : "10000" },
    });
    const { ledger, failure } = await pipeline.outcome;
    assertEquals([failure, ledger.stored, pipeline.letters], [undefined, 600, []]);
    const codes = pipeline.events.of("write-failed").map(({ error }) => (error as { code?: string }).code);
    assert(codes.includes(code), codes.join());
    assertEquals(await storedNumbers(database), numbers(600));
  }, { version });
}
