/**
 * Fields of a delimited line (RFC 4180, but for newlines inside quotes: no bar has any).
 *
 * @module
 */

/** Splits a line; `undefined` where a quote is not closed. */
export function splitLine(line: string, delimiter: string, quote: string | undefined = '"'): string[] | undefined {
  if (quote === undefined || !line.includes(quote)) return line.split(delimiter);
  const cells: string[] = [];
  for (let at = 0; at <= line.length;) {
    if (line[at] !== quote) {
      const end = line.indexOf(delimiter, at);
      cells.push(end < 0 ? line.slice(at) : line.slice(at, end));
      if (end < 0) break;
      at = end + 1;
      continue;
    }
    let cell = "";
    let from = at + 1;
    while (true) {
      const end = line.indexOf(quote, from);
      if (end < 0) return undefined;
      cell += line.slice(from, end);
      from = end + 1;
      if (line[from] !== quote) break;
      cell += quote;
      from++;
    }
    const end = line.indexOf(delimiter, from);
    cells.push(cell + (end < 0 ? line.slice(from) : line.slice(from, end)));
    if (end < 0) break;
    at = end + 1;
  }
  return cells;
}

const DELIMITERS = [",", ";", "\t", "|"];

/** The delimiter of lines: the one that parts each of them into the same number of fields, and into the most. */
export function findDelimiter(lines: readonly string[]): string {
  const counts = DELIMITERS.map((delimiter) => {
    const fields = lines.map((line) => splitLine(line, delimiter)?.length ?? 0);
    return fields.every((count) => count === fields[0]) ? fields[0] : 0;
  });
  const most = Math.max(1, ...counts);
  if (most > 1) return DELIMITERS[counts.indexOf(most)];
  return DELIMITERS.find((delimiter) => lines[0]?.includes(delimiter)) ?? ",";
}
