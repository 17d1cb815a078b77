/**
 * Handles records of file loads in a batch.
 *
 * @module
 */
import { FatalError } from "../../database/faults.ts";
import type { LoadBook, Reservation } from "../../database/load_book.ts";
import { RECEIVED_AT, TS } from "../../records/columns.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { PreparedRows } from "./rows.ts";
import type { Session } from "./session.ts";

/** Claims the rows of loads before they are written, and returns the ids of their loads. */
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

/**
 * The series and times of each load. Rows are in the order of their series and times.
 *
 * A row costs two comparisons and no memory: what is asked of the book, and a span, are those of a run of rows. With an object
 * and a look-up for each row, it was 40 % of all that the loading of a file allocated.
 */
function spansOf({ count, ids, parts, part, row }: PreparedRows, loads: LoadBook): Map<number, OpenSpan[]> {
  const spans = new Map<number, OpenSpan[]>();
  const timeAt = (at: number) => {
    const { cells, stride } = parts[part[at]];
    return cells[TS * stride + row[at]];
  };

  /** Adds the rows from `from` to before `to`, all of one series and load. */
  function note(load: number, from: number, to: number): void {
    const seriesId = ids[from];
    let ofLoad = spans.get(load);
    if (ofLoad === undefined) spans.set(load, ofLoad = []);
    const last = ofLoad.at(-1);
    if (last?.seriesId === seriesId) last.last = timeAt(to - 1);
    else ofLoad.push({ seriesId, first: timeAt(from), last: timeAt(to - 1) });
  }

  let reservation: Reservation | undefined;
  for (let from = 0, to = 0; from < count; from = to) {
    while (to < count && ids[to] === ids[from]) to++;
    let begin = from;
    for (let at = from; at < to; at++) {
      const { cells, stride } = parts[part[at]];
      const receivedAt = cells[RECEIVED_AT * stride + row[at]];
      if (reservation !== undefined && receivedAt >= reservation.from && receivedAt < reservation.to) continue;
      if (reservation !== undefined && begin < at) note(reservation.load, begin, at);
      begin = at;
      reservation = loads.reservationAt(receivedAt);
    }
    if (reservation !== undefined) note(reservation.load, begin, to);
  }
  return spans;
}

/**
 * Finds why a load is closed, and forgets one that the database does not have, for instance after a restore.
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
