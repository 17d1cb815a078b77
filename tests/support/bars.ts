/**
 * Bars as files have them.
 *
 * @module
 */

export const HEADER = "symbol,timeframe,ts,open,high,low,close,volume";
const FIRST_MS = Date.UTC(2024, 0, 2, 14, 30);

/** A sound line of CSV: the bar of `symbol` that many minutes after the first. */
export function csvLine(minute: number, symbol = "AAPL"): string {
  const ts = new Date(FIRST_MS + minute * 60_000).toISOString().replace(".000", "");
  return `${symbol},1m,${ts},100.5,101,100,${100 + minute % 100 / 100},${1000 + minute}`;
}

/** A CSV file of that many bars. */
export function csvFile(count: number, symbol = "AAPL"): string {
  return [HEADER, ...Array.from({ length: count }, (_, minute) => csvLine(minute, symbol)), ""].join("\n");
}

/** Bytes packed as one member of gzip. */
export async function gzip(content: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([content]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
