/**
 * Splits the first lines of a file into fields, for a look at it.
 *
 * @module
 */
import type { Dialect } from "./dialect.ts";
import { findDelimiter, splitLine } from "./split.ts";

/** A row of the sample. */
export interface SampleRow {
  /** Line, from 1. */
  readonly line: number;
  readonly text: string;
  readonly cells: readonly string[];
  readonly object?: Readonly<Record<string, unknown>>;
}

/** The beginning of a file, split into fields. */
export interface Sample {
  readonly isObjects: boolean;
  readonly delimiter: string;
  /** Names of the header; empty without a header. */
  readonly header: readonly string[];
  /** Lines before the first row. */
  readonly headerLines: number;
  readonly rows: readonly SampleRow[];
}

/** Most rows of a sample. */
const MAX_ROWS = 400;
/** Rows that determine the delimiter. */
const LOOKED_AT = 12;

/** Splits lines, from the first of the file on; the last of them must be whole. */
export function takeSample(lines: readonly string[], dialect: Dialect): Sample {
  const { skip = 0, comment } = dialect;
  const isRow = (line: string) => line.trim() !== "" && !(comment !== undefined && line.startsWith(comment));
  const plain = (at: number) => plainLine(lines[at], at);
  // Excel names the delimiter in a line of its own.
  const separator = /^"?sep=(.)"?$/.exec(plain(skip))?.[1];
  const before = separator === undefined ? skip : skip + 1;
  let first = before;
  while (first < lines.length && !isRow(plain(first))) first++;
  const isObjects = plain(first).trimStart().startsWith("{");
  // Rows of a wide file arrive converted, with one line of names.
  const header = isObjects ? 0 : dialect.wide ? 1 : dialect.header ?? 1;
  const content: string[] = [];
  for (let at = first; at < lines.length && content.length < LOOKED_AT; at++) {
    if (isRow(plain(at))) content.push(plain(at));
  }
  const delimiter = dialect.delimiter ?? separator ?? findDelimiter(content);
  const quote = dialect.quote === "none" ? undefined : dialect.quote ?? '"';
  const names = header === 0 ? [] : splitLine(plain(first), delimiter, quote) ?? [];
  const headerLines = header === 0 ? before : first + header;
  const rows: SampleRow[] = [];
  for (let at = headerLines; at < lines.length && rows.length < MAX_ROWS; at++) {
    const text = plain(at);
    if (!isRow(text)) continue;
    const object = isObjects ? parseObject(text) : undefined;
    const cells = isObjects ? [] : (splitLine(text, delimiter, quote) ?? []).map((cell) => cell.trim());
    rows.push({ line: at + 1, text, cells, object });
  }
  return { isObjects, delimiter, header: names, headerLines, rows };
}

/** A line without its end and without a byte order mark. */
function plainLine(line: string | undefined, at: number): string {
  if (line === undefined) return "";
  const whole = line.endsWith("\r") ? line.slice(0, -1) : line;
  return at === 0 && whole.startsWith("\uFEFF") ? whole.slice(1) : whole;
}

/** The object of a line of JSON; `undefined` if the line holds anything else. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const object = JSON.parse(text);
    return typeof object === "object" && object !== null && !Array.isArray(object) ? object : undefined;
  } catch {
    return undefined;
  }
}

/** The value at the end of steps through an object. */
export function valueAt(object: unknown, steps: readonly string[]): unknown {
  let value = object;
  for (const step of steps) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
