/**
 * Draws candles as lines of text.
 *
 * @module
 */
import { axisOf, formatPrice } from "./axis.ts";

/** A bar; `ts` is its start in epoch milliseconds. */
export interface Candle {
  readonly ts: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** Options of drawing. */
export interface ChartOptions {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  /** The line above the chart. */
  readonly title: string;
}

/** Smallest size of a chart. */
export const LEAST = { columns: 40, rows: 10 };

/** Lines outside the chart of prices: title, times and, if there is room, volumes. */
const TITLE_ROWS = 1;
const TIME_ROWS = 2;
/** The chart's rows divided by those for volumes. */
const VOLUME_PART = 6;
/** Columns from one label of the times to the next. */
const TIME_COLUMNS = 14;
/** Columns of the narrowest axis: its line, a space and two digits. */
const LEAST_AXIS = 4;
/** Smaller volumes are written with an exponent. */
const LEAST_VOLUME = 0.001;
const DAY_MS = 24 * 60 * 60_000;

/** Part of a cell: nothing, wick or body. Cells have two, the upper one first. */
type Half = 0 | 1 | 2;
const GLYPHS = [[" ", "╷", "╻"], ["╵", "│", "╽"], ["╹", "╿", "┃"]];
/** Bodies of falling bars without colours. */
const FALLING_GLYPHS = [[" ", "╷", "▄"], ["╵", "│", "▄"], ["▀", "▀", "█"]];
const BLOCKS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

type Mood = "rise" | "fall" | "quiet" | "bold";
const CODES: Record<Mood, number> = { rise: 32, fall: 31, quiet: 2, bold: 1 };

/** Number of candles that fit: each has a column, and a gap beside it. */
export const fittingCandles = (columns: number, axisColumns = 12) =>
  Math.max(1, Math.floor((columns - axisColumns) / 2));

/** Draws the candles, oldest first: `rows` lines of at most `columns` characters, colour codes aside. */
export function drawCandles(candles: readonly Candle[], { columns, rows, color, title }: ChartOptions): string[] {
  const paint = (text: string, mood: Mood) => color && text.trim() !== "" ? `\x1b[${CODES[mood]}m${text}\x1b[0m` : text;
  const moodOf = ({ open, close }: Candle): Mood => close < open ? "fall" : "rise";
  const volumeRows = rows >= 2 * LEAST.rows ? Math.floor(rows / VOLUME_PART) : 0;
  const priceRows = rows - TITLE_ROWS - TIME_ROWS - volumeRows;
  const fitting = candles.slice(-(columns - LEAST_AXIS));
  const [low, high] = [Math.min(...fitting.map((each) => each.low)), Math.max(...fitting.map((each) => each.high))];
  const axis = axisOf({ low, high, rows: priceRows });
  const last = candles.at(-1)!;
  const lastLabel = formatPrice(last.close, axis.digits);
  const labelColumns = Math.max(...[...axis.labels.values(), lastLabel].map(({ length }) => length));
  const room = columns - labelColumns - 2;
  const shown = fitting.slice(-room);
  const step = shown.length * 2 <= room ? 2 : 1;
  const width = shown.length * step;

  /** Which half row a price is in, from the bottom. */
  const halfOf = (price: number) => Math.round((price - low) / (high - low || 1) * (priceRows * 2 - 1));
  const lastRow = Math.floor(halfOf(last.close) / 2);

  function priceCell(candle: Candle, row: number): string {
    const isIn = (half: number, one: number, other: number) =>
      half >= halfOf(Math.min(one, other)) && half <= halfOf(Math.max(one, other));
    const halfAt = (half: number): Half =>
      isIn(half, candle.open, candle.close) ? 2 : isIn(half, candle.low, candle.high) ? 1 : 0;
    const glyphs = color || candle.close >= candle.open ? GLYPHS : FALLING_GLYPHS;
    return paint(glyphs[halfAt(row * 2 + 1)][halfAt(row * 2)], moodOf(candle));
  }

  function priceLine(row: number): string {
    const cells = shown.map((candle) => priceCell(candle, row).padEnd(1)).join(step === 2 ? " " : "");
    const isLast = row === lastRow;
    const label = isLast ? lastLabel : axis.labels.get(row);
    const mark = isLast ? "◂" : label === undefined ? "│" : "┤";
    const gap = " ".repeat(Math.max(0, width - (step === 2 ? 2 * shown.length - 1 : shown.length)));
    return `${cells}${gap}${paint(mark, isLast ? "bold" : "quiet")}${
      label === undefined ? "" : paint(` ${label}`, isLast ? "bold" : "quiet")
    }`;
  }

  const mostVolume = Math.max(...shown.map(({ volume }) => volume));
  function volumeLine(row: number): string {
    const cells = shown.map((candle) => {
      const eighths = Math.round(candle.volume / (mostVolume || 1) * volumeRows * 8) - row * 8;
      // The lowest row shows any volume above 0.
      const shownEighths = row === 0 && candle.volume > 0 ? Math.max(1, eighths) : eighths;
      return paint(shownEighths <= 0 ? " " : BLOCKS[Math.min(shownEighths, 8) - 1], moodOf(candle));
    }).join(step === 2 ? " " : "");
    const gap = step === 2 ? " " : "";
    const label = row === volumeRows - 1 ? ` ${compact(mostVolume)}` : "";
    return `${cells}${gap}${paint("│", "quiet")}${paint(label, "quiet")}`;
  }

  const downwards = (count: number) => Array.from({ length: count }, (_, at) => count - 1 - at);
  return [
    paint(title.slice(0, columns), "bold"),
    ...downwards(priceRows).map(priceLine),
    ...downwards(volumeRows).map(volumeLine),
    ...timeLines(shown, step).map((line) => paint(line, "quiet")),
  ];
}

/** The line under the chart, and the times below it. */
function timeLines(shown: readonly Candle[], step: number): [string, string] {
  const width = shown.length * step;
  const stepMs = Math.min(...shown.slice(1).map(({ ts }, at) => ts - shown[at].ts));
  const line = Array(width).fill("─");
  let labels = "";
  let day = "";
  for (let at = 0; at < shown.length; at += Math.ceil(TIME_COLUMNS / step)) {
    const iso = new Date(shown[at].ts).toISOString();
    const isOtherDay = iso.slice(0, 10) !== day;
    day = iso.slice(0, 10);
    const label = stepMs >= DAY_MS ? day : isOtherDay ? `${iso.slice(5, 10)} ${iso.slice(11, 16)}` : iso.slice(11, 16);
    if (at * step + label.length > width + TIME_COLUMNS / 2) break;
    line[at * step] = "┴";
    labels = labels.padEnd(at * step) + label;
  }
  return [`${line.join("")}┘`, labels];
}

/** `1.2M`, `340K`, `1.5e-7`. */
function compact(value: number): string {
  if (value > 0 && value < LEAST_VOLUME) return value.toExponential(1);
  return new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}
