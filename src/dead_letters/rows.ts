/**
 * Letters for rows of a file, which may be very many: letters with the same reason share a header.
 *
 *     {"header":0,"ts":1732501800.25,"metadata":{…},"source":"/data/bars.csv","common":{"symbol":"AAPL"},"fields":["ts","open"]}
 *     [0,2,"\"2024-01-02 14:30\"","2024-01-02 14:30","168.01"]
 *
 * A row has the number of its header, its line in the source, the particulars of the reason, and a value for each
 * field. A header is valid until another one with its number.
 *
 * @module
 */
import { type DeadLetter, formatLetter, parseLetter, type StoredLetter, withoutParticulars } from "./letter.ts";

/** Fewest letters that share a header. */
const MIN_ROWS = 3;
const HEADER = '{"header":';
const ROW = /^\[(\d+),/;
const LOCATION = /^(.*):(\d+)$/s;

/** The common part of the letters of a header. */
interface Header {
  readonly header: number;
  readonly ts: number;
  readonly metadata: Omit<StoredLetter["metadata"], "location">;
  readonly source: string;
  /** Fields with the same value in all letters. */
  readonly common: Readonly<Record<string, unknown>>;
  /** Names of the other fields. */
  readonly fields: readonly string[];
}

/** A letter that may be a row. */
interface Row {
  readonly letter: DeadLetter;
  readonly source: string;
  readonly line: number;
  readonly item: Readonly<Record<string, unknown>>;
}

/** The lines of letters, each with its newline. */
export function formatLetters(letters: readonly DeadLetter[], nowMs: number): string {
  const groups = Map.groupBy(letters.map((letter) => ({ letter, row: toRow(letter) })), ({ row, letter }) => {
    const { cause, reason, sqlstate, kind, provider, attempts } = letter;
    const shared = [cause, withoutParticulars(reason), sqlstate, kind, provider, attempts];
    return row === undefined ? undefined : JSON.stringify([shared, row.source, Object.keys(row.item)]);
  });
  return Array.from(groups, ([shared, group], number) => {
    if (shared !== undefined && group.length >= MIN_ROWS) {
      return formatRows(group.map(({ row }) => row!), number, nowMs);
    }
    return group.map(({ letter }) => formatLetter(letter, nowMs)).join("");
  }).join("");
}

/** The letter as a row; `undefined` for letters of a sink, which are few. */
function toRow(letter: DeadLetter): Row | undefined {
  const { cause, location = "", item } = letter;
  const found = LOCATION.exec(location);
  if (cause !== "invalid" || found === null) return undefined;
  if (typeof item !== "object" || item === null || Array.isArray(item)) return undefined;
  const given = Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined));
  return { letter, source: found[1], line: Number(found[2]), item: given };
}

function formatRows(rows: readonly Row[], header: number, nowMs: number): string {
  const [{ letter, source, item }] = rows;
  const { items: _, metadata: { location: __, ...metadata }, ts }: StoredLetter = JSON.parse(
    formatLetter(letter, nowMs),
  );
  const isCommon = (field: string) => rows.every((row) => row.item[field] === item[field]);
  const [common, fields] = [isCommon, (field: string) => !isCommon(field)].map((is) => Object.keys(item).filter(is));
  const shared = Object.fromEntries(common.map((field) => [field, item[field]]));
  const head: Header = { header, ts, metadata, source, common: shared, fields };
  const lines = rows.map(({ letter: { reason }, line, item }) => {
    const particulars = reason.slice(withoutParticulars(reason).length + 2);
    return JSON.stringify([header, line, particulars, ...fields.map((field) => item[field])]);
  });
  return `${[JSON.stringify(head), ...lines].join("\n")}\n`;
}

/** A line of a file of letters, except headers. */
export interface LetterLine {
  /** Number of the line, from 1. */
  readonly line: number;
  /** The content of the letter: the line itself, below its header if it has one. */
  readonly text: string;
}

/** Picks letters from the lines of a file, and remembers headers. */
export async function* pickLetters(lines: AsyncIterable<string>): AsyncGenerator<LetterLine> {
  const headers = new Map<string, string>();
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text.startsWith(HEADER)) {
      headers.set(text.slice(HEADER.length, text.indexOf(",")), text);
      continue;
    }
    const header = headers.get(ROW.exec(text)?.[1] ?? "");
    yield { line, text: header === undefined ? text : `${header}\n${text}` };
  }
}

/** Creates a function that returns the lines to write for a letter's text, with a header before its first row. */
export function createLetterWriter(): (text: string) => string {
  const written = new Map<string, string>();
  return (text) => {
    const end = text.indexOf("\n");
    if (end < 0) return text;
    const [header, row] = [text.slice(0, end), text.slice(end + 1)];
    const number = ROW.exec(row)![1];
    if (written.get(number) === header) return row;
    written.set(number, header);
    return text;
  };
}

/** Reads a result of {@linkcode pickLetters}; `undefined` if it is not a letter. */
export function readLetter(text: string): StoredLetter | undefined {
  const end = text.indexOf("\n");
  return end < 0 ? parseLetter(text) : readRow(text.slice(0, end), text.slice(end + 1));
}

function readRow(header: string, row: string): StoredLetter | undefined {
  try {
    const { ts, metadata, source, common, fields }: Header = JSON.parse(header);
    const [, line, particulars, ...values] = JSON.parse(row);
    const { reason } = metadata;
    return {
      ts,
      error: particulars === "" ? reason : `${reason}: ${particulars}`,
      metadata: { ...metadata, location: `${source}:${line}` },
      items: [{ ...common, ...Object.fromEntries(fields.map((field, at) => [field, values[at]])) }],
    };
  } catch {
    return undefined;
  }
}
