/**
 * The log of committed keys, for streams: each transaction that writes bars records the keys that it has changed. A row
 * of the log is visible exactly when its bars are; see `src/stream/changes.ts`.
 *
 * @module
 */
import { furtherKey } from "../../database/kinds.ts";
import { literal, type Names } from "../../database/names.ts";
import { TS } from "../../records/columns.ts";
import type { RecordKind } from "../../records/kind.ts";
import type { PreparedRows } from "./rows.ts";

/** Whether keys of the kind are logged. */
export const isLogged = ({ name }: Pick<RecordKind, "name">): boolean => name === "bar";

/** A statement for a transaction that adds all of the rows. */
export function logQuery({ of }: Names, kind: RecordKind, rows: PreparedRows): string {
  const { series, times, steps, counts, places } = findRuns(rows);
  return `INSERT INTO ${of("stream_log")} (kind, series, times, steps, counts, places)
  VALUES (${
    literal(kind.name)
  }, '{${series.join()}}', '{${times.join()}}', '{${steps.join()}}', '{${counts.join()}}', '{${places.join()}}');
`;
}

/** Runs of keys, beside each other: the series, the first time and the distance in microseconds, the number and the first place. */
interface Runs {
  readonly series: number[];
  readonly times: number[];
  readonly steps: number[];
  readonly counts: number[];
  readonly places: number[];
}

/** Begins the records. */
export function findRuns({ count, ids, parts, part, row }: PreparedRows): Runs {
  const runs: Runs = { series: [], times: [], steps: [], counts: [], places: [] };
  const { series, times, steps, counts, places } = runs;
  let last = -1;
  let lastTime = NaN;
  for (let at = 0; at < count; at++) {
    const { cells, stride } = parts[part[at]];
    const time = Math.round(cells[TS * stride + row[at]] * 1000);
    const step = time - lastTime;
    if (last >= 0 && ids[at] === series[last] && (counts[last] === 1 || step === steps[last])) {
      steps[last] = step;
      counts[last]++;
    } else {
      last++;
      series.push(ids[at]);
      times.push(time);
      steps.push(0);
      counts.push(1);
      places.push(at + 1);
    }
    lastTime = time;
  }
  return runs;
}

/** A setting of the transaction with the key of the last row that got only a newer time of receipt. */
const TOUCHED_KEY = "barline.touched_key";

const keyOf = (kind: RecordKind, row: string) =>
  `concat_ws(' ', ${row}.series_id, ${row}.ts, ${furtherKey(kind, row)})`;

/** Always true, and records that the row gets only a newer time of receipt. */
export const noteTouched = (kind: RecordKind): string =>
  `set_config('${TOUCHED_KEY}', ${keyOf(kind, "old")}, true) IS NOT NULL`;

/** Begins the notes. */
export const FORGET_TOUCHED = `set_config('${TOUCHED_KEY}', '', true) AS noting`;

/** Columns that an upsert returns of each row for {@linkcode loggedQuery}. */
export const returnedKey = (kind: RecordKind): string =>
  `old.series_id, old.ts, current_setting('${TOUCHED_KEY}') = ${keyOf(kind, "old")} AS is_touched`;

/** The log of the rows in `written` with a visible change. */
export const loggedQuery = ({ of }: Names, kind: RecordKind): string =>
  `INSERT INTO ${of("stream_log")} (kind, series, times, is_new)
SELECT ${
    literal(kind.name)
  }, array_agg(w.series_id), array_agg((extract(epoch FROM w.ts) * 1000000)::int8), array_agg(w.is_new)
FROM written w WHERE NOT w.is_touched HAVING count(*) > 0`;
