/**
 * The state of a series: its confirmed ranges, and its doubts.
 *
 * @module
 */
import type { Client } from "pg";
import type { Range } from "../calendar/mod.ts";
import type { Doubt, DoubtReason } from "../coverage/coverage.ts";
import { ms, type Names } from "../database/names.ts";

/** A range in doubt if it has a doubt, otherwise confirmed. Its ends may lie outside the requested range. */
export interface Known extends Range {
  readonly doubt?: Doubt;
}

const confirmedQuery = ({ of }: Names) =>
  `SELECT ${ms("lower(part)")} AS "from", ${ms("upper(part)")} AS "to"
FROM ${of("series_coverage")} c, unnest(c.confirmed) AS part
WHERE c.series_id = $1 AND part && tstzrange(to_timestamp($2), to_timestamp($3))`;

const doubtsQuery = ({ of }: Names) =>
  `SELECT ${ms("d.starts")} AS "from", ${ms("d.ends")} AS "to", d.reason, d.attempts,
  ${ms("d.found_at")} AS "foundAt", ${ms("d.due_at")} AS "dueAt"
FROM ${of("series_doubt")} d WHERE d.series_id = $1 AND d.ends > to_timestamp($2) AND d.starts < to_timestamp($3)`;

/** All known ranges of a part of a series, by their start. */
export async function readKnown(
  client: Client,
  names: Names,
  seriesId: number,
  from: number,
  to: number,
): Promise<Known[]> {
  if (from >= to) return [];
  const values = [seriesId, from / 1000, to / 1000];
  const confirmed = await client.query<Known>({ name: "read-confirmed", text: confirmedQuery(names), values });
  const doubts = await client.query<Omit<Doubt, "dueAt"> & { dueAt: number | null }>({
    name: "read-doubts",
    text: doubtsQuery(names),
    values,
  });
  return [
    ...confirmed.rows,
    ...doubts.rows.map((row) => ({ from: row.from, to: row.to, doubt: { ...row, dueAt: row.dueAt ?? Infinity } })),
  ].sort((a, b) => a.from - b.from);
}

/** The meaning of each reason, to follow "because". */
const MEANINGS: Record<DoubtReason, string> = {
  hole: "a live bar did not adjoin the bar before it",
  interrupted: "the connection was interrupted",
  partial: "the last state of the bar came well before its end, or history has not confirmed it yet",
  late: "the vendor has marked a bar as late",
  corrected: "corrections may have been missed, or history still has the value that one replaced",
  lag: "history does not reach the end of the range yet",
  contradicted: "history lacks a bar that is stored",
  journaled: "the bars wait in the journal of the process that streams them",
  restored: "the database was restored or exchanged, and may lack the bars",
  stopped: "a run ended without saying how far it had come",
  deleted: "bars were deleted",
  upgraded: "an earlier version claimed the range without evidence",
  refused: "a bar could not be stored: see the dead letters and the journal",
  horizon: "history does not go back that far",
  denied: "the account may not read the range",
};

/** Why a range is in doubt, in words. */
export const explainDoubt = ({ reason }: Doubt): string => MEANINGS[reason] ?? reason;
