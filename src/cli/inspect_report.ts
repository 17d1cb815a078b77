/**
 * The report of `barline inspect`.
 *
 * @module
 */
import { format as formatBytes } from "@std/fmt/bytes";
import type { Inspection } from "../providers/replay/mod.ts";

const FORMS: Readonly<Record<string, string>> = { csv: "text", ndjson: "JSON lines", json: "JSON document" };
const NAMES: Readonly<Record<string, string>> = {
  "\t": "tab",
  " ": "space",
  ",": "comma",
  ";": "semicolon",
  ".": "point",
};
const UNITS: Readonly<Record<string, string>> = {
  "iso": "ISO 8601",
  "auto": "ISO 8601, or numbers whose unit their size tells",
  "ms-of-day": "milliseconds of the day",
};
/** Most reasons shown. */
const MOST = 5;

/** Lines about a file. */
export function describeInspection(found: Inspection): string[] {
  const { file, size, error, command } = found;
  const head = `${file}${size === undefined ? "" : `, ${formatBytes(size)}`}`;
  if (error !== undefined) return [head, row("cannot be read", error)];
  return [
    head,
    row("format", describeFormat(found)),
    ...describeReading(found),
    ...describeBars(found),
    ...found.warnings.map((warning) => row("warning", warning)),
    ...(found.notes === undefined ? [] : [row("note", found.notes)]),
    ...describeQuestions(found),
    row(found.questions === undefined ? "load it with" : "then load it with", command ?? ""),
  ];
}

const row = (name: string, text: string) => `  ${name.padEnd(18)}${text}`.trimEnd();

function describeFormat({ format, form = "", toldBy }: Inspection): string {
  return `${format ?? "unknown"}, ${FORMS[form] ?? form}, told by ${toldBy}`;
}

function describeReading({ delimiter, decimal, thousands, headerLines, columns, symbol, timeframe, time }: Inspection) {
  if (columns === undefined) return [];
  const marks = [`delimiter ${NAMES[delimiter!] ?? delimiter}`, `decimal ${NAMES[decimal!]}`];
  if (thousands !== undefined) marks.push(`thousands ${NAMES[thousands] ?? thousands}`);
  const used = columns.map(({ column, role }) => `${column} → ${role ?? "not used"}`);
  const { unit, format, zone, stamp } = time!;
  const times = [
    format === undefined ? UNITS[unit!] ?? `numbers of ${unit} since 1970` : `format ${format}`,
    ...(zone === undefined ? [] : [`zone ${zone}`]),
    ...(stamp === undefined ? [] : [`stamp at the ${stamp} of the bar`]),
  ];
  return [
    row("text", marks.join(", ")),
    row("header", headerLines === 0 ? "none" : `${headerLines} line${headerLines === 1 ? "" : "s"}`),
    row("columns", used.join(", ")),
    row("symbol", `${symbol!.value ?? "of each row"}, from ${symbol!.from}`),
    row("timeframe", `${timeframe!.value ?? "of each row"}, from ${timeframe!.from}`),
    row("times", times.join(", ")),
  ];
}

function describeBars({ first = [], last = [], sampled, refused = [] }: Inspection): string[] {
  if (sampled === undefined) return [];
  const { rows, accepted, withoutPrices } = sampled;
  const shown = (bars: readonly object[]) =>
    bars.map((bar) => row("", Object.values(bar).filter((value) => value !== undefined).join(" ")));
  const empty = withoutPrices === 0 ? "" : `, and ${withoutPrices} without prices left out`;
  return [
    row("first bars", ""),
    ...shown(first),
    ...(rows > first.length ? [row("last bars", ""), ...shown(last)] : []),
    row(
      "rows looked at",
      `${rows.toLocaleString("en-US")}, of which ${accepted.toLocaleString("en-US")} are accepted${empty}`,
    ),
    ...refused.slice(0, MOST).map(({ reason, count, line }) =>
      row("refused", `${count.toLocaleString("en-US")}: ${reason}${line === undefined ? "" : ` in line ${line}`}`)
    ),
  ];
}

function describeQuestions({ questions = [], line }: Inspection): string[] {
  const asked = questions.map(({ missing, answer }) => row("missing", `${missing}: add ${answer}`));
  return line === undefined ? asked : [...asked, row(`line ${line.line}`, line.text)];
}
