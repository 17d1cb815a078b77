/**
 * Readers of the stream that keep no more than a client would: bars by key, and the last cursor.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Database } from "../../src/database/database.ts";
import { borrow, createPool } from "../../src/database/pool.ts";
import { parseCursor } from "../../src/stream/cursor.ts";
import type { Filter } from "../../src/stream/filter.ts";
import { createHub, type Hub } from "../../src/stream/hub.ts";
import { type Message, writeEvent } from "../../src/stream/message.ts";
import { openSession } from "../../src/stream/session.ts";
import { type Borrow, createSource, type Source, type Start } from "../../src/stream/source.ts";
import { select } from "./lanes.ts";

/** A hub and a source of one database. */
export interface StreamUnderTest extends Disposable {
  readonly hub: Hub;
  readonly source: Source;
}

/** Opens the stream of a database. */
export function openStream(database: Database, onLook?: (bars: number) => void): StreamUnderTest {
  const pool = createPool(database, 4);
  const lend: Borrow = (work, signal) => borrow({ pool, database }, "stream", work, signal);
  const hub = createHub({ borrow: lend, warn: () => {}, onLook });
  return { hub, source: createSource(lend), [Symbol.dispose]: () => hub[Symbol.dispose]() };
}

/** The bars that a client holds: of each key, the versions in the order in which they came. */
export class Client {
  readonly versions = new Map<string, number[]>();
  cursor: string | undefined;
  messages = 0;

  /** Takes a message as a client would: from its text alone. */
  take({ text }: Message): { type: string; close: number } {
    const message = JSON.parse(text);
    assertEquals(message.v, 1);
    if (message.type === "bar") {
      this.messages++;
      const key = `${message.symbol} ${Date.parse(message.ts)}`;
      const versions = this.versions.get(key) ?? [];
      assert(!versions.includes(message.close), `${key} came twice as ${message.close}`);
      assert(versions.every((before) => before < message.close), `${key} came as ${message.close} after ${versions}`);
      // A client that has never heard of a bar may be told of a correction, but never the other way round.
      assert(versions.length === 0 || message.correction, `${key} is not marked as a correction`);
      this.versions.set(key, [...versions, message.close]);
    }
    this.cursor = message.cursor;
    return message;
  }

  /** Reads up to `most` messages of bars, or until `until` holds, and drops the connection. */
  async read(
    { hub, source }: StreamUnderTest,
    { filter = {}, start, most = Infinity, until = () => false }: {
      filter?: Filter;
      start?: Start;
      most?: number;
      until?: () => boolean;
    } = {},
  ): Promise<void> {
    const dropped = new AbortController();
    const from = this.cursor === undefined ? start : parseCursor(this.cursor);
    assert(from !== undefined || this.cursor === undefined, `the cursor ${this.cursor} can be read`);
    const session = openSession({ hub, source, filter, start: from, heartbeatMs: 20, signal: dropped.signal });
    let left = most;
    read: for await (const event of session) {
      for (const message of writeEvent(event)) {
        if (this.take(message).type === "bar" && --left === 0) break read;
      }
      if (until()) break;
    }
    dropped.abort();
  }
}

/** Checks a client against the table: it holds the newest version of each bar. */
export async function assertWhole(client: Client, database: Database, where = "true"): Promise<void> {
  const rows = await select(
    database,
    `SELECT symbol || ' ' || (extract(epoch FROM ts) * 1000)::int8 AS key, close FROM bars WHERE ${where}`,
  );
  const stored = new Map(rows.map(({ key, close }) => [key as string, close as number]));
  const held = new Map(Array.from(client.versions, ([key, versions]) => [key, versions.at(-1)!]));
  assertEquals(held.size, stored.size, "as many bars as are stored");
  for (const [key, close] of stored) assertEquals(held.get(key), close, key);
}
