/**
 * Reads files whose columns are named by two lines, field and symbol, as one row a symbol. yfinance writes such files.
 *
 * @module
 */
import { splitLine } from "../split.ts";

/**
 * Turns the file into lines `Date,Ticker,Open,…`. A cell is empty where the symbol has no value; rows without any are
 * left out. The lines of a file of one symbol keep their numbers.
 *
 * @throws {RangeError} If the header is not one of field and symbol.
 */
export async function* longLines(lines: AsyncIterable<string>): AsyncGenerator<string> {
  const header: string[][] = [];
  let groups: { symbol: string; places: number[] }[] = [];
  let fields: string[] = [];
  for await (const line of lines) {
    const cells = splitLine(line, ",") ?? [];
    if (header.length < 3) {
      header.push(cells);
      if (header.length < 3) {
        // As many lines as were read, so that line numbers still fit.
        yield "";
        continue;
      }
      ({ groups, fields } = readHeader(header));
      yield [header[2][0], "Ticker", ...fields].join(",");
      continue;
    }
    if (line === "") {
      yield line;
      continue;
    }
    for (const { symbol, places } of groups) {
      const values = places.map((place) => cells[place] ?? "");
      if (groups.length === 1 || values.some((value) => value !== "")) yield [cells[0], symbol, ...values].join(",");
    }
  }
}

function readHeader(
  [one, two]: readonly string[][],
): { groups: { symbol: string; places: number[] }[]; fields: string[] } {
  const [names, symbols] = one[0] === "Price" ? [one, two] : [two, one];
  if (names[0] !== "Price" || symbols[0] !== "Ticker") {
    throw new RangeError('its first lines are no header of yfinance, expected "Price,…" and "Ticker,…"');
  }
  const fields = [...new Set(names.slice(1))];
  const groups = [...new Set(symbols.slice(1))].map((symbol) => ({
    symbol,
    places: fields.map((field) => names.findIndex((name, at) => at > 0 && name === field && symbols[at] === symbol)),
  }));
  return { groups, fields };
}

/** Splits bytes into lines, without their ends. */
export async function* splitLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of bytes) {
    const lines = (held + decoder.decode(chunk, { stream: true })).split("\n");
    held = lines.pop()!;
    if (held.length > 1024 * 1024) throw new RangeError("one of its lines has over a million characters");
    for (const line of lines) yield line.replace(/\r$/, "");
  }
  if (held !== "") yield held;
}

/** Joins lines into bytes, some at a time. */
export async function* joinLines(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let held = "";
  for await (const line of lines) {
    held += `${line}\n`;
    if (held.length < 64 * 1024) continue;
    yield encoder.encode(held);
    held = "";
  }
  if (held !== "") yield encoder.encode(held);
}
