/**
 * Records of loads of files in a batch.
 *
 * @module
 */
import { FatalError } from "../../database/faults.ts";
import type { LoadBook } from "../../database/load_book.ts";
import { RECEIVED_AT, seriesOf, TS } from "../../records/columns.ts";
import type { RecordKind } from "../../records/kind.ts";
import { LOADED } from "../../records/record.ts";
import type { PreparedRows } from "./rows.ts";
import type { Session } from "./session.ts";

/** Claims what the rows of loads need before they are written, and gives the ids of their loads. */
export async function claimRows(
  { client, names }: Session,
  loads: LoadBook,
  kind: RecordKind,
  rows: PreparedRows,
): Promise<readonly number[]> {
  const spans = spansOf(rows, loads);
  await loads.claim(client, names, kind.name, spans);
  return [...spans.keys()];
}

/** A span while rows are added to it. */
interface OpenSpan {
  readonly seriesId: number;
  readonly first: number;
  last: number;
}

/** The series and times of each load. Rows are in the order of their series and times. */
function spansOf({ count, ids, parts, part, row }: PreparedRows, loads: LoadBook): Map<number, OpenSpan[]> {
  const spans = new Map<number, OpenSpan[]>();
  let isLoaded = false;
  let before = 0;
  for (let at = 0; at < count; at++) {
    const columns = parts[part[at]];
    const { cells, stride } = columns;
    if (ids[at] !== before) isLoaded = seriesOf(columns, row[at]).provider === LOADED;
    before = ids[at];
    if (!isLoaded) continue;
    const load = loads.loadAt(cells[RECEIVED_AT * stride + row[at]]);
    if (load === undefined) continue;
    const ts = cells[TS * stride + row[at]];
    let ofLoad = spans.get(load);
    if (ofLoad === undefined) spans.set(load, ofLoad = []);
    const last = ofLoad.at(-1);
    if (last?.seriesId === before) last.last = ts;
    else ofLoad.push({ seriesId: before, first: ts, last: ts });
  }
  return spans;
}

/**
 * Looks why a load is closed, and forgets one that the database does not have, as after a restore.
 *
 * @throws {FatalError} If it is being undone.
 */
export async function lookAtLoads(
  { client, names }: Session,
  loads: LoadBook,
  warn: (message: string) => void = () => {},
): Promise<void> {
  const ids = loads.ids();
  const { rows } = await client.query(
    `SELECT l.id, l.undo_began_at IS NOT NULL AS "isUndone" FROM ${names.of("load")} l WHERE l.id = ANY ($1)`,
    [ids],
  );
  for (const id of ids) {
    const found = rows.find((row) => row.id === id);
    if (found?.isUndone) throw new FatalError(`Cannot write records of load ${id}: it is undone`);
    if (found !== undefined) continue;
    loads.forget(id);
    warn(`The database has lost load ${id}: what is stored of it from here on cannot be undone`);
  }
}
