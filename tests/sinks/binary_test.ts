import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { finished } from "node:stream/promises";
import fc from "fast-check";
import { from as copyFrom } from "pg-copy-streams";
// @ts-types="@types/pg"
import type { Client } from "pg";
import { withClient } from "../../src/database/database.ts";
import { createColumns } from "../../src/records/columns.ts";
import type { Column } from "../../src/records/kind.ts";
import { createSeriesDictionary } from "../../src/records/series_dictionary.ts";
import type { PreparedRows } from "../../src/sinks/postgres/rows.ts";
import { SQL_TYPES } from "../../src/database/kinds.ts";
import { BinaryWriter } from "../../src/sinks/postgres/binary.ts";
import type { TestServer } from "../support/postgres.ts";
import { databaseAt, useServer } from "../support/server_tests.ts";

const { test } = useServer();

interface Row {
  readonly id: number;
  readonly float8?: number;
  readonly int4?: number;
  readonly int8?: number;
  /** Microseconds since 1970. */
  readonly timestamptz?: number;
  readonly text?: string;
  readonly char?: string;
}

const TYPES = ["float8", "int4", "timestamptz", "text", "char", "int8"] as const;
const CHARS = ["f", "p", "c"];
const columns: Column[] = TYPES.map((type, place) => ({
  ...{ name: type, type, place, optional: true },
  ...(type === "timestamptz" ? { microseconds: 1 } : {}),
  ...(type === "char" ? { codes: CHARS.map((char) => char.charCodeAt(0)) } : {}),
}));
/** The columns where each row has a float: NaN is a value then. */
const required = columns.map(({ optional, ...column }) => column.type === "float8" ? column : { ...column, optional });
const TABLE = `CREATE TEMPORARY TABLE sent (series_id int4, ${
  TYPES.map((type) => `"${type}" ${SQL_TYPES[type]}`).join(", ")
})`;

/** Rows as the sink has them. */
function prepare(rows: readonly Row[]): PreparedRows {
  const part = createColumns(
    { places: TYPES.length, textPlaces: [TYPES.indexOf("text")] },
    rows.length,
    createSeriesDictionary(),
  );
  for (const [at, row] of rows.entries()) {
    for (const [place, type] of TYPES.entries()) {
      const value = type === "char" && row.char !== undefined ? CHARS.indexOf(row.char) : row[type];
      if (typeof value === "number") part.cells[place * part.stride + at] = value;
      if (typeof value === "string") part.texts[place][at] = value;
    }
  }
  return {
    count: rows.length,
    parts: [part],
    part: new Uint32Array(rows.length),
    row: Uint32Array.from(rows.keys()),
    ids: Int32Array.from(rows, ({ id }) => id),
    deduplicated: 0,
  };
}

/** Sends rows in both ways, reads each back, and compares. */
async function roundTrip(client: Client, rows: readonly Row[], writer = new BinaryWriter(64)): Promise<void> {
  const prepared = prepare(rows);
  const sent = rows.every(({ float8 }) => float8 !== undefined) ? required : columns;
  const bytes = Buffer.from(writer.copy(prepared, sent));
  const stream = client.query(copyFrom("COPY sent FROM STDIN (FORMAT binary)"));
  stream.end(bytes);
  await finished(stream);
  assertEquals(await readBack(client), rows, "by COPY");
  const parameters = writer.arrays(prepared, sent);
  const types = ["int4", ...TYPES.map((type) => SQL_TYPES[type])];
  await client.query(
    `INSERT INTO sent SELECT * FROM unnest(${types.map((type, at) => `$${at + 1}::${type}[]`).join(", ")})`,
    parameters.map((bytes) => Buffer.from(bytes)),
  );
  assertEquals(await readBack(client), rows, "by arrays");
}

/** Reads the rows as text, which for floats is exact, and empties the table. */
async function readBack(client: Client): Promise<Row[]> {
  const { rows } = await client.query({
    text: `SELECT series_id, float8::text, int4, text, ascii("char"::text),
      (extract(epoch FROM timestamptz) * 1000000)::text, int8::text FROM sent ORDER BY ctid`,
    rowMode: "array",
  });
  await client.query("TRUNCATE sent");
  return rows.map(([id, float8, int4, text, char, micros, int8]) => ({
    id,
    float8: float8 === null ? undefined : Number(float8),
    int4: int4 ?? undefined,
    timestamptz: micros === null ? undefined : Number(micros),
    text: text ?? undefined,
    char: char === null ? undefined : String.fromCharCode(char),
    int8: int8 === null ? undefined : Number(int8),
  }));
}

/** Runs `fn` with a connection that has the table. */
async function withTable(server: TestServer, fn: (client: Client) => Promise<void>): Promise<void> {
  await withClient(databaseAt(await server.createDatabase()), async (client) => {
    await client.query(TABLE);
    await fn(client);
  });
}

function row(values: Partial<Row>): Row {
  return {
    id: 1,
    float8: undefined,
    int4: undefined,
    timestamptz: undefined,
    text: undefined,
    char: undefined,
    int8: undefined,
    ...values,
  };
}

const us = (iso: string, micros = 0) => Date.parse(iso) * 1000 + micros;

test("floats come back bit for bit: NaN, infinities, both zeros, subnormals, the largest and the least", async (server) => {
  await withTable(server, async (client) => {
    const floats = [NaN, Infinity, -Infinity, 0, -0, Number.MIN_VALUE, -Number.MIN_VALUE, 2.2250738585072014e-308];
    floats.push(Number.MAX_VALUE, -Number.MAX_VALUE, Number.EPSILON, 0.1, 1 / 3, 1e21, -123.456, 2 ** 53 + 2);
    await roundTrip(client, floats.map((float8) => row({ float8 })));
  });
});

test("whole numbers of 64 bits come back exactly as far as a double holds them", async (server) => {
  await withTable(server, async (client) => {
    const numbers = [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53) + 1];
    await roundTrip(client, numbers.map((int8) => row({ int8 })));
  });
});

test("times come back to the microsecond from 1900 to 9999, before and after PostgreSQL's own epoch", async (server) => {
  await withTable(server, async (client) => {
    const times = [
      us("1900-01-01T00:00:00Z"),
      us("1969-12-31T23:59:59.999Z", 999),
      us("1970-01-01T00:00:00Z"),
      us("1970-01-01T00:00:00Z", 1),
      us("1999-12-31T23:59:59.999Z", 999),
      us("2000-01-01T00:00:00Z"),
      us("2000-01-01T00:00:00Z", 1),
      // Where the upper half of the 64 bits begins to count, and where the sign of the lower half turns.
      us("2000-01-01T00:00:00Z", 2 ** 31),
      us("2000-01-01T00:00:00Z", 2 ** 32 - 1),
      us("2000-01-01T00:00:00Z", 2 ** 32),
      us("2000-01-01T00:00:00Z", -(2 ** 32)),
      us("2000-01-01T00:00:00Z", -(2 ** 32) - 1),
      us("2024-02-29T12:34:56.789Z", 123),
      us("9999-12-31T23:59:59Z"),
    ];
    await roundTrip(client, times.map((timestamptz) => row({ timestamptz })));
  });
});

test("a time means the same moment to the server as to JavaScript", async (server) => {
  await withTable(server, async (client) => {
    const timestamptz = us("2024-02-29T12:34:56.789Z", 123);
    const [, parameter] = new BinaryWriter().arrays(prepare([row({ timestamptz })]), [columns[2]]);
    const { rows } = await client.query(
      "SELECT to_char(($1::timestamptz[])[1] AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS text",
      [Buffer.from(parameter)],
    );
    assertEquals(rows, [{ text: "2024-02-29 12:34:56.789123" }]);
  });
});

test("no rows make no bytes", async (server) => {
  await withTable(server, async (client) => await roundTrip(client, []));
});

test("a row of nulls comes back as nulls", async (server) => {
  await withTable(server, async (client) => await roundTrip(client, [row({}), row({ text: "" }), row({})]));
});

test("text of any script comes back, and longer than the buffer was", async (server) => {
  await withTable(server, async (client) => {
    const texts = [
      "貴州茅台",
      "Société Générale",
      "₿-€",
      "🚀🚀",
      "e\u0301",
      "a".repeat(200_000),
      "ß".repeat(70_000),
      "",
    ];
    await roundTrip(client, texts.map((text) => row({ text })));
  });
});

test("a row has room after a text that has filled the buffer", async (server) => {
  await withTable(server, async (client) => {
    for (let length = 0; length < 200; length++) {
      await roundTrip(client, [row({ text: "€".repeat(length), char: "f" })], new BinaryWriter(16));
    }
  });
});

test("any rows come back as they were sent, from a writer that is used again and again", async (server) => {
  await withTable(server, async (client) => {
    const writer = new BinaryWriter(16);
    const absent = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 10 });
    const anyRow = fc.record({
      id: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      float8: absent(fc.double({ noNaN: true })),
      int4: absent(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      timestamptz: absent(fc.integer({ min: us("1900-01-01T00:00:00Z"), max: us("9999-12-31T23:59:59Z") })),
      // PostgreSQL takes no NUL in text.
      text: absent(fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"))),
      char: absent(fc.constantFrom("f", "p", "c")),
      int8: absent(fc.maxSafeInteger()),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { maxLength: 50 }), (rows) => roundTrip(client, rows, writer)),
      { numRuns: 100 },
    );
  });
});
