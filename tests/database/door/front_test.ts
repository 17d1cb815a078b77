import { assert, assertEquals, assertRejects } from "@std/assert";
import { Client } from "pg";
import { type Database, withClient } from "../../../src/database/database.ts";
import { findDoor, openDoor } from "../../../src/database/door/door.ts";
import { createFront } from "../../../src/database/door/front.ts";
import { createReader } from "../../../src/database/door/reader.ts";
import { createVerifier } from "../../../src/database/door/scram.ts";
import { openEmbedded } from "../../../src/database/embedded.ts";
import { prepareDatabase } from "../../../src/database/migrate.ts";
import { namesIn } from "../../../src/database/names.ts";
import { writeOnce } from "../../support/lanes.ts";
import { numberedBars } from "../../support/numbered.ts";

const PASSWORD = "a password ü'\\";

/** A running embedded database with its front. */
interface House {
  readonly directory: string;
  readonly database: Database;
  readonly port: number;
  readonly snapshots: { readonly bytes: number }[];
}

let house: House;
const opened = new AsyncDisposableStack();

// One for all: it takes seconds to start.
Deno.test.beforeAll(async () => {
  const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
  opened.defer(() => Deno.remove(directory, { recursive: true }));
  const database = opened.use(await openEmbedded(directory));
  await prepareDatabase(database);
  await writeOnce(database, numberedBars(1000));
  const snapshots: { bytes: number }[] = [];
  const reader = createReader({
    source: database.snapshots!,
    names: namesIn("public"),
    temporaryBytes: 20 * 1024 ** 2,
    onSnapshot: (each) => snapshots.push(each),
  });
  const front = opened.use(createFront({ reader, limits: { rows: 3000, bytes: 1e9 }, warn: () => {} }));
  front.open(opened.use(await openDoor(directory, database.snapshots!)));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  front.open({ listener, verifier: createVerifier(PASSWORD) });
  house = { directory, database, port: (listener.addr as Deno.NetAddr).port, snapshots };
});
Deno.test.afterAll(() => opened.disposeAsync());

/** A client at the port. */
async function connect(options: { password?: string } = {}): Promise<Client & AsyncDisposable> {
  const client = new Client({
    host: "127.0.0.1",
    port: house.port,
    user: "anybody",
    database: "postgres",
    password: PASSWORD,
    ...options,
  });
  client.on("error", () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end().catch(() => {}) });
}

const codeOf = async (promise: Promise<unknown>) => (await assertRejects(() => promise) as { code?: string }).code;

Deno.test("a client at the port reads with the password, and without it nothing", async () => {
  await using client = await connect();
  assertEquals((await client.query("SELECT count(*)::int AS n FROM bars")).rows, [{ n: 1000 }]);
  assertEquals(await codeOf(connect({ password: "another" })), "28P01");
});

Deno.test("the door is found by the data directory, and is its owner's alone", async () => {
  const door = (await findDoor(house.directory))!;
  assertEquals(await withClient(door, async (client) => (await client.query("SELECT 1 AS one")).rows), [{ one: 1 }]);
  const directory = (await Deno.readTextFile(`${house.directory}/postgres.door`)).trim();
  assertEquals((await Deno.stat(directory)).mode! & 0o777, 0o700);
  assertEquals((await Deno.stat(`${directory}/.s.PGSQL.5432`)).mode! & 0o777, 0o600);
});

Deno.test("readers see rows that are committed, once their snapshot is renewed", async () => {
  await using client = await connect();
  const count = async () => (await client.query("SELECT count(*)::int AS n FROM bars")).rows[0].n;
  const before = await count();
  await writeOnce(house.database, numberedBars(10, before));
  const taken = house.snapshots.length;
  while (await count() !== before + 10) await new Promise((resolve) => setTimeout(resolve, 200));
  // What is new is copied, and not the whole.
  assert(house.snapshots.length > taken);
  assert(house.snapshots.at(-1)!.bytes < house.snapshots[0].bytes / 2, JSON.stringify(house.snapshots));
});

Deno.test("sessions keep settings, prepared statements and transactions apart", async () => {
  await using one = await connect();
  await using two = await connect();
  await one.query("SET work_mem = '9MB'");
  await one.query("PREPARE mine AS SELECT 1 AS a");
  await two.query("PREPARE mine AS SELECT 2 AS a");
  await one.query("BEGIN");
  const named = { name: "both", text: "SELECT $1::int AS n", values: [7] };
  const other = { name: "both", text: "SELECT $1::text AS n", values: ["x"] };
  for (let round = 0; round < 3; round++) {
    assertEquals((await one.query("EXECUTE mine")).rows, [{ a: 1 }]);
    assertEquals((await two.query("EXECUTE mine")).rows, [{ a: 2 }]);
    assertEquals((await one.query(named)).rows, [{ n: 7 }]);
    assertEquals((await two.query(other)).rows, [{ n: "x" }]);
    assertEquals((await one.query("SHOW work_mem")).rows, [{ work_mem: "9MB" }]);
    assertEquals((await two.query("SHOW work_mem")).rows, [{ work_mem: "4MB" }]);
  }
  await assertRejects(() => one.query("SELECT 1 / 0"), Error, "division by zero");
  await two.query("SELECT 1");
  assertEquals(await codeOf(one.query("SELECT 1")), "25P02");
  await one.query("ROLLBACK");
  assertEquals((await one.query("SELECT 1 AS a")).rows, [{ a: 1 }]);
});

Deno.test("a cursor keeps its place while no other session asks", async () => {
  await using client = await connect();
  await client.query("BEGIN");
  await client.query("DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 5) g");
  assertEquals((await client.query("FETCH 2 FROM c")).rows, [{ g: 1 }, { g: 2 }]);
  assertEquals((await client.query("FETCH 2 FROM c")).rows, [{ g: 3 }, { g: 4 }]);
  await client.query("COMMIT");
});

Deno.test("several statements in one text are answered one by one", async () => {
  await using client = await connect();
  const results = await client.query(
    "SELECT 1 AS a; SELECT g FROM generate_series(1, 2000) g; SHOW timezone",
  ) as unknown;
  const shape = (results as { command: string; rowCount: number; rows: unknown[] }[])
    .map(({ command, rowCount, rows }) => [command, rowCount, rows.length]);
  assertEquals(shape.slice(0, 2), [["SELECT", 1, 1], ["SELECT", 2000, 2000]]);
  assertEquals(shape.length, 3);
});

Deno.test("writing, files, large objects, COPY and other roles are refused, and the session stays open", async () => {
  await using client = await connect();
  const refused: [string, string][] = [
    ["DELETE FROM bar", "25006"],
    ["WITH gone AS (DELETE FROM bar RETURNING 1) SELECT * FROM gone", "25006"],
    ["SELECT 1 AS a INTO t", "25006"],
    ["COPY bar TO STDOUT", "42501"],
    ["SELECT pg_read_file('PG_VERSION')", "42501"],
    ["SELECT pg_ls_dir('.')", "42501"],
    ["SELECT lo_create(0)", "42501"],
    ["SELECT lo_import('/etc/passwd')", "42501"],
    ["SET ROLE postgres", "42501"],
    ["SELECT set_config('session_authorization', 'postgres', false)", "42501"],
    ["UPDATE pg_settings SET setting = 'postgres' WHERE name = 'role'", "25006"],
    ["DO $$ BEGIN PERFORM 1; END $$", "25006"],
  ];
  for (const [sql, code] of refused) {
    assertEquals([sql, await codeOf(client.query(sql))], [sql, code]);
    assertEquals([sql, await codeOf(client.query({ text: sql, name: `s${code}${sql.length}` }))], [sql, code]);
  }
  assertEquals((await client.query("SELECT current_user AS me")).rows, [{ me: "barline_reader" }]);
});

Deno.test("an answer beyond the limit of rows is ended with an error", async () => {
  await using client = await connect();
  assertEquals(await codeOf(client.query("SELECT g FROM generate_series(1, 3001) g")), "54000");
  assertEquals((await client.query("SELECT 1 AS a")).rows, [{ a: 1 }]);
});

/** Runs for hours: nothing within the server ends it. */
const ENDLESS = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b";

Deno.test("a statement that puts more on the disk than it may is ended, and no reader lifts that limit", async () => {
  await using client = await connect();
  const sort = (rows: number) =>
    client.query(`SELECT count(*)::int AS n FROM (SELECT n FROM generate_series(1, ${rows}) n ORDER BY random()) x`);
  await assertRejects(() => sort(3_000_000), Error, "temp_file_limit");
  await assertRejects(() => client.query("SET temp_file_limit = -1"), Error, "permission denied");
  assertEquals((await sort(1000)).rows, [{ n: 1000 }]);
});

Deno.test("a statement beyond its statement_timeout is ended, and both sessions stay open", async () => {
  await using client = await connect();
  await using other = await connect();
  await client.query("SET statement_timeout = '3s'");
  await client.query("PREPARE mine AS SELECT 5 AS a");
  const failed = codeOf(client.query(ENDLESS));
  const waited = other.query("SELECT 1 AS a");
  assertEquals(await failed, "57014");
  assertEquals((await waited).rows, [{ a: 1 }]);
  assertEquals((await client.query("EXECUTE mine")).rows, [{ a: 5 }]);
});

Deno.test("a statement whose client has gone, or cancels it, is ended", async () => {
  {
    const client = await connect();
    client.query(ENDLESS).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }
  await using client = await connect();
  const failed = codeOf(client.query(ENDLESS));
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const cancel = new DataView(new ArrayBuffer(16));
  [16, 80_877_102, processID, secretKey].forEach((value, at) => cancel.setInt32(at * 4, value));
  let code: string | undefined;
  failed.then((value) => code = value);
  while (code === undefined) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: house.port });
    await conn.write(new Uint8Array(cancel.buffer));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertEquals(code, "57014");
  assertEquals((await client.query("SELECT 1 AS a")).rows, [{ a: 1 }]);
});
