import { assert, assertEquals } from "@std/assert";
import type { DeadLetter } from "../../src/dead_letters/letter.ts";
import { numberedBar, numberedProvider, numbers, storedNumbers } from "../support/numbered.ts";
import type { TestServer } from "../support/postgres.ts";
import { startPipeline } from "../support/pipeline.ts";
import { migratedDatabase, useServer } from "../support/server_tests.ts";

const { test } = useServer();
const BATCH = 64;

/** Sends one batch into a database that refuses the bars for which `poison`, an SQL condition on `open`, is true. */
async function sendPoison(server: TestServer, poison: string) {
  const { url, database } = await migratedDatabase(server);
  await server.query(`ALTER TABLE bar ADD CONSTRAINT not_poison CHECK (NOT (${poison}))`, url);
  const source = numberedProvider({ count: BATCH, frameSize: BATCH });
  await using pipeline = await startPipeline(url, [source], { batchSize: String(BATCH), workers: "1" });
  const { ledger, failure } = await pipeline.outcome;
  assertEquals(failure, undefined, "poison must not end the run");
  return {
    ledger,
    refused: pipeline.letters.map(numberOf).sort((a, b) => a - b),
    letters: pipeline.letters,
    writes: pipeline.events.of("write-failed").length + pipeline.events.of("batch-written").length,
    stored: await storedNumbers(database),
  };
}

function numberOf({ item }: DeadLetter): number {
  return (item as { open: number }).open;
}

const cases: [name: string, poison: string, isPoison: (number: number) => boolean][] = [
  ["no bar", "false", () => false],
  ["the first bar", "open = 0", (number) => number === 0],
  ["a bar in the middle", "open = 29", (number) => number === 29],
  ["the last bar", `open = ${BATCH - 1}`, (number) => number === BATCH - 1],
  ["two neighbours", "open IN (31, 32)", (number) => number === 31 || number === 32],
  ["every other bar", "open::int % 2 = 1", (number) => number % 2 === 1],
  ["every bar", "true", () => true],
];

for (const [name, poison, isPoison] of cases) {
  test(`a batch loses exactly the refused records: ${name}`, async (server) => {
    const { ledger, refused, stored, writes } = await sendPoison(server, poison);
    const expected = numbers(BATCH).filter(isPoison);
    assertEquals(refused, expected);
    assertEquals(stored, numbers(BATCH).filter((number) => !isPoison(number)));
    assertEquals([ledger.stored, ledger.deadLettered], [BATCH - expected.length, expected.length]);
    const most = Math.min(2 * BATCH - 1, 1 + 2 * expected.length * Math.log2(BATCH));
    assert(writes <= most, `${writes} writes were needed to find ${expected.length}`);
  });
}

test("a dead letter of a refused bar has the SQLSTATE, the server's words and the whole bar", async (server) => {
  const { letters: [letter] } = await sendPoison(server, "open = 29");
  assertEquals(letter.sqlstate, "23514");
  assertEquals(letter.cause, "refused");
  assert(letter.reason.includes('violates check constraint "not_poison"'), letter.reason);
  assertEquals((letter.item as { symbol: string }).symbol, numberedBar(29).symbol);
});

test("a record that a trigger refuses is poison too, and does not affect its neighbours", async (server) => {
  const { url, database } = await migratedDatabase(server);
  await server.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.open = 150 THEN RAISE 'bar % is not wanted', new.open; END IF; RETURN new; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON bar FOR EACH ROW EXECUTE FUNCTION refuse()`,
    url,
  );
  await using pipeline = await startPipeline(url, [numberedProvider({ count: 1000 })]);
  await pipeline.outcome;
  assertEquals(pipeline.letters.map(numberOf), [150]);
  assertEquals(pipeline.letters[0].sqlstate, "P0001");
  assertEquals(await storedNumbers(database), numbers(1000).filter((number) => number !== 150));
});

test("refused bars do not open the circuit, however many they are", async (server) => {
  const { url } = await migratedDatabase(server);
  await server.query("ALTER TABLE bar ADD CONSTRAINT nothing CHECK (false)", url);
  await using pipeline = await startPipeline(url, [numberedProvider({ count: 300 })], { circuitFailures: "1" });
  const { ledger } = await pipeline.outcome;
  assertEquals(ledger.deadLettered, 300);
  assertEquals(pipeline.events.of("circuit"), []);
});

/** Sends bars into a table that was changed; gives why the run ended, and how many bars were refused until then. */
async function sendInto(server: TestServer, change: string, count = 4000) {
  const { url } = await migratedDatabase(server);
  await server.query(change, url);
  await using pipeline = await startPipeline(url, [numberedProvider({ count })], { batchSize: "500", workers: "1" });
  const { failure } = await pipeline.outcome;
  const refused = pipeline.letters.filter(({ cause }) => cause === "refused").length;
  return { message: (failure as Error | undefined)?.message, refused };
}

test("a constraint of the user's that refuses three bars of five is the table's fault, and one that refuses half is not", async (server) => {
  const refusing = (count: number, of: number) =>
    `ALTER TABLE bar ADD CONSTRAINT odd CHECK (open::int * 7 % ${of} >= ${count})`;
  const most = await sendInto(server, refusing(3, 5));
  assert(most.message?.includes('which lies in the table and not in them: new row for relation "bar"'), most.message);
  assert(most.refused < 1000, `${most.refused} were refused until that was certain`);
  const half = await sendInto(server, refusing(1, 2), 1000);
  assertEquals([half.message, half.refused], [undefined, 500]);
});

test("a trigger of the user's that raises for most bars is the table's fault", async (server) => {
  const { message, refused } = await sendInto(
    server,
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.open::int % 5 < 3 THEN RAISE 'bar % is not wanted', new.open; END IF; RETURN new; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON bar FOR EACH ROW EXECUTE FUNCTION refuse()`,
  );
  assert(message?.includes("is not wanted"), message);
  assert(refused < 1000, `${refused} were refused until that was certain`);
});

test("keys that come twice in a batch are stored once, with the newest values", async (server) => {
  const { url, database } = await migratedDatabase(server);
  const newest = (number: number) => number % 50 + 50;
  const source = numberedProvider({
    count: 100,
    frameSize: 100,
    make: (number, receivedAt) => {
      const value = number < 50 ? 0 : newest(number);
      return { ...numberedBar(newest(number), receivedAt), open: value, high: value, low: value, close: value };
    },
  });
  await using pipeline = await startPipeline(url, [source], { workers: "1" });
  const { ledger } = await pipeline.outcome;
  assertEquals([ledger.stored, ledger.deduplicated], [50, 50]);
  assertEquals(await storedNumbers(database), numbers(50, 50));
});
