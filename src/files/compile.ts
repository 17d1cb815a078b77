/**
 * Compiles a dialect and a file into a plan: the role of each column, the reading of times, and the questions that only
 * the user can answer.
 *
 * @module
 */
import { DEFAULT_TIMEFRAME, TIMEFRAMES } from "../records/timeframe.ts";
import { findColumns, findKeys, plainName } from "./columns.ts";
import type { Dialect } from "./dialect.ts";
import { createNumberReader, findMarks, isPlain } from "./numbers.ts";
import { compilePattern, type PathParts } from "./path_pattern.ts";
import type { Plan, Planned, Question, Source } from "./plan.ts";
import { type Sample, type SampleRow, takeSample, valueAt } from "./sample.ts";
import { type FileField, findSources, isOwnDirectory } from "./sources.ts";
import { readTimeframe } from "./timeframe_names.ts";
import { findTimes, type TimeFindings } from "./time_findings.ts";
import { compileTimes } from "./times.ts";
import { createZone } from "./zone.ts";

/** Input of a plan. */
export interface CompileOptions {
  /** Preset, dialect file and flags, merged. */
  dialect: Dialect;
  /** Whether the dialect includes a preset, which declares all of its columns and times. */
  hasPreset: boolean;
  /** Fields of the kind, with their names in files. */
  fields: readonly FileField[];
  /** First lines of the file, unpacked and decoded. */
  lines: readonly string[];
  /**
   * Names of the file: the one in an archive, then the path. The first that a pattern matches gives symbol and
   * timeframe.
   */
  paths: readonly string[];
  /** Flags that answer the questions about files of the preset, by role. */
  answers?: Readonly<Record<string, string>>;
  /** Whether the lines are UTF-8. @default {true} */
  isUtf8?: boolean;
  /** Timeframe of a file with Barline's own columns that does not name one. @default {1m} */
  defaultTimeframe?: string;
  /** Makes zones. @default {createZone} */
  zoneOf?: typeof createZone;
}

/** The prices of a bar. Their decimal mark is found from all of them, since one column alone may have no decimals. */
const PRICES: ReadonlySet<string> = new Set(["open", "high", "low", "close", "vwap"]);

/** Compiles the plan of a file. */
export function compilePlan(options: CompileOptions): Planned {
  const { dialect, fields, lines, zoneOf = createZone } = options;
  const sample = takeSample(lines, dialect);
  const questions: Question[] = [];
  const parts = readPath(dialect, options.paths);
  const sources = findSources(options, sample, parts);
  const needed = fields.filter(({ isNeeded }, at) => isNeeded && sources[at] === undefined);
  const isNative = !options.hasPreset && needed.length === 0 && !changesReading(dialect, fields, sources);
  const all = fields.filter(({ isNeeded }) => isNeeded);
  // A file without any of the columns does not hold bars, or needs its format named.
  if (needed.length === all.length && !options.hasPreset && sample.header.length > 0) {
    return { ok: false, questions: [askFormat(needed, sample)] };
  }
  if (options.isUtf8 === false && !isNative) {
    questions.push({ missing: "Its text is not UTF-8", answer: "--encoding windows-1252" });
  }
  questions.push(...askColumns(needed.map(({ name }) => name), sample, options.answers));

  const place = (name: string) => fields.findIndex((field) => field.name === name);
  const timeframe = findTimeframe(options, sources[place("timeframe")], parts, isNative);
  const clock = findClock(dialect, sample, sources[place("ts")]);
  const isBars = place("timeframe") >= 0;
  const times: TimeFindings = isNative
    ? { unit: dialect.timeUnit ?? "iso", format: undefined, stamp: "start", questions: [] }
    : findTimes({
      dialect: isOwnDirectory(options, sample) ? { stamp: "start", ...dialect } : dialect,
      hasPreset: options.hasPreset,
      texts: textsOf(sources[place("ts")], sample),
      clocks: clock === undefined ? undefined : textsOf(clock, sample),
      timeframe: timeframe.constant,
      isStampKnown: !isBars,
    });
  questions.push(...times.questions);
  if (!isNative && isBars && isEmpty(sources[place("volume")], sample, dialect)) {
    questions.push({ missing: "Volume is empty in all rows", answer: "--constant volume=0" });
  }
  if (timeframe.question !== undefined && isBars) questions.push(timeframe.question);

  const numbers = isNative ? {} : findNumbers(dialect, options.hasPreset, fields, sources, sample, questions);
  if (questions.length > 0) return { ok: false, questions, line: shownLine(sample) };

  const found: Dialect = {
    ...dialect,
    ...numbers,
    delimiter: sample.isObjects ? undefined : sample.delimiter,
    timeUnit: times.format === undefined ? times.unit : undefined,
    timeFormat: times.format,
    stamp: times.stamp,
    timeframe: timeframe.constant,
  };
  const { quote = '"', comment, timeframes } = dialect;
  const plan: Plan = {
    dialect: found,
    isObjects: sample.isObjects,
    headerLines: sample.headerLines,
    delimiter: sample.delimiter,
    quote: quote === "none" ? undefined : quote,
    comment,
    trim: !isNative,
    width: sample.header.length > 0 ? sample.header.length : undefined,
    usualWidth: sample.header.length > 0 ? sample.header.length : sample.rows[0]?.cells.length ?? 0,
    sources: sources.map((source, at) =>
      at === place("timeframe") && timeframe.constant !== undefined && source === undefined
        ? { from: "constant", value: timeframe.constant }
        : source
    ),
    clock,
    nulls: new Set(["", ...dialect.null ?? []]),
    readNumber: createNumberReader({ ...dialect, ...numbers }),
    isPlainNumbers: isPlain({ ...dialect, ...numbers }),
    scale: dialect.priceScale === undefined
      ? undefined
      : { factor: dialect.priceScale, integersOnly: dialect.scaleIntegers === true },
    absolute: dialect.absolute === true,
    timeframeOf: isNative ? (text) => text : (text) => readTimeframe(text, timeframes),
    timesOf: compileTimes({
      unit: times.unit,
      format: times.format,
      isSplit: clock !== undefined,
      zone: dialect.timeZone === undefined ? undefined : zoneOf(dialect.timeZone, dialect.ambiguous),
      stamp: times.stamp ?? "start",
      sessionDates: dialect.sessionDates,
      dayMs: dayOf(parts.date),
    }),
  };
  const symbol = sources[place("symbol")];
  const symbolFrom = symbol === undefined || dialect.constants?.symbol !== undefined
    ? "given"
    : describe(symbol, sample, "path");
  return {
    ok: true,
    plan,
    findings: { header: sample.header, symbolFrom, timeframeFrom: timeframe.from, isNative },
  };
}

/** Whether a source has no value in any row of the sample. */
function isEmpty(source: Source | undefined, sample: Sample, { null: nulls = [] }: Dialect): boolean {
  if (source === undefined || source.from === "constant" || sample.rows.length === 0) return false;
  return textsOf(source, sample).every((text) => nulls.includes(text));
}

/** Whether the dialect says more than a file of Barline's own columns has. */
function changesReading(
  dialect: Dialect,
  fields: readonly FileField[],
  sources: readonly (Source | undefined)[],
): boolean {
  const { timeUnit, timeframe: _, delimiter: __, form: ___, columns = {}, constants = {}, ...rest } = dialect;
  const says = Object.values(rest).some((value) => value !== undefined) || Object.keys(columns).length > 0 ||
    Object.keys(constants).length > 0 || timeUnit === "auto" || timeUnit === "ms-of-day";
  return says || fields.some(({ name }, at) => name === "symbol" && sources[at]?.from === "constant");
}

/** The parts of the path, by the first pattern that matches one of its names. */
function readPath({ symbolFrom = [] }: Dialect, paths: readonly string[]): PathParts {
  for (const pattern of symbolFrom) {
    const match = compilePattern(pattern);
    for (const path of paths) {
      const parts = match(path);
      if (parts !== undefined) return parts;
    }
  }
  return {};
}

/** The column of the time of day: the one that the dialect names, or `time` beside `date`. */
function findClock({ columns = {} }: Dialect, sample: Sample, ts: Source | undefined): Source | undefined {
  if (sample.isObjects) {
    return columns.date !== undefined && columns.time !== undefined
      ? { from: "key", keys: findKeys(columns.time) }
      : undefined;
  }
  if (columns.date !== undefined) {
    const places = columns.time === undefined ? undefined : findColumns(columns.time, sample.header);
    return places && { from: "column", places };
  }
  if (columns.ts !== undefined || ts?.from !== "column") return undefined;
  const names = sample.header.map(plainName);
  const time = names.indexOf("time");
  const isSplit = names[ts.places[0]] === "date" && time >= 0 &&
    sample.rows.every(({ cells }) => /^\d{1,2}:\d\d|^\d{4}(\d\d)?$/.test(cells[time] ?? ""));
  return isSplit && sample.rows.length > 0 ? { from: "column", places: [time] } : undefined;
}

function findTimeframe(
  { dialect, defaultTimeframe = DEFAULT_TIMEFRAME }: CompileOptions,
  source: Source | undefined,
  parts: PathParts,
  isNative: boolean,
): { constant?: string; from: string; question?: Question } {
  const { constants = {}, timeframe, timeframes } = dialect;
  if (source !== undefined && constants.timeframe === undefined) return { from: "column" };
  const given = constants.timeframe ?? timeframe;
  if (given !== undefined) {
    const name = readTimeframe(given, timeframes);
    return { constant: name ?? given, from: "given" };
  }
  const fromPath = parts.timeframe === undefined ? undefined : readTimeframe(parts.timeframe, timeframes);
  if (fromPath !== undefined) return { constant: fromPath, from: "path" };
  if (isNative) return { constant: defaultTimeframe, from: "default" };
  const known = [...TIMEFRAMES.keys()].join(", ");
  return {
    from: "nowhere",
    question: {
      missing: parts.timeframe === undefined
        ? "Timeframe is not in the file"
        : `Timeframe "${parts.timeframe}" of the path is none of ${known}`,
      answer: "--timeframe 1m",
    },
  };
}

/** Texts of a source in the sample. */
function textsOf(source: Source | undefined, { rows }: Sample): string[] {
  if (source === undefined || source.from === "constant") return [];
  const text = ({ cells, object }: SampleRow) => {
    if (source.from === "column") return cells[source.places[0]];
    const value = source.keys.map((steps) => valueAt(object, steps)).find((each) => each !== undefined);
    return value === undefined || value === null ? undefined : String(value);
  };
  return rows.map(text).filter((each) => each !== undefined && each !== "") as string[];
}

function findNumbers(
  dialect: Dialect,
  hasPreset: boolean,
  fields: readonly FileField[],
  sources: readonly (Source | undefined)[],
  sample: Sample,
  questions: Question[],
): { decimal?: "." | ","; thousands?: string } {
  const { decimal, thousands } = dialect;
  if (hasPreset || decimal !== undefined || sample.isObjects) return { decimal, thousands };
  const texts = fields.flatMap(({ name }, at) => PRICES.has(name) ? textsOf(sources[at], sample) : []);
  const marks = findMarks(texts, sample.delimiter);
  if (marks !== "ambiguous") return { ...marks, thousands: thousands ?? marks.thousands };
  const example = texts.find((text) => /[.,]/.test(text));
  questions.push({
    missing: `Prices like ${example} have a comma or a point that may part decimals or thousands`,
    answer: "--decimal . or --decimal ,",
  });
  return {};
}

/** Asks for columns: for the symbol, which may be elsewhere, and for all others at once. */
function askColumns(
  names: readonly string[],
  sample: Sample,
  answers: Readonly<Record<string, string>> = {},
): Question[] {
  const questions: Question[] = [];
  if (names.includes("symbol")) {
    const answer = "--constant symbol=AAPL, or --symbol-from '{symbol}.csv'";
    questions.push({ missing: "header lacks symbol", answer: answers.symbol ?? answer });
  }
  const others = names.filter((name) => name !== "symbol");
  if (others.length === 0) return questions;
  const column = sample.header.length === 0 && !sample.isObjects ? "2" : "NAME";
  const answer = others.map((name) => answers[name] ?? `--column ${name}=${column}`).join(" ");
  const onlyVolume = others.length === 1 && others[0] === "volume" && answers.volume === undefined;
  questions.push({
    missing: `header lacks ${others.join(", ")}. ${describeColumns(sample)}`,
    answer: onlyVolume ? `${answer}, or --constant volume=0` : answer,
  });
  return questions;
}

function askFormat(needed: readonly FileField[], sample: Sample): Question {
  return {
    missing: `header lacks ${needed.map(({ name }) => name).join(", ")}. ${describeColumns(sample)}`,
    answer: "--format NAME, or --no-header and --column",
  };
}

function describeColumns({ header, rows, isObjects }: Sample): string {
  const names = isObjects ? Object.keys(rows[0]?.object ?? {}) : header;
  return `Its ${isObjects ? "keys are" : "first line is"} ${JSON.stringify(names.join(",").slice(0, 200))}`;
}

function shownLine({ rows }: Sample): { line: number; text: string } | undefined {
  const [row] = rows;
  return row && { line: row.line, text: row.text.slice(0, 200) };
}

function describe(source: Source, { header }: Sample, constant: string): string {
  if (source.from === "constant") return constant;
  if (source.from === "key") return `key ${source.keys[0].join(".")}`;
  return `column ${source.places.map((place) => header[place]?.trim() ?? place + 1).join("+")}`;
}

/** Midnight of `20240102`, in UTC. */
function dayOf(date: string | undefined): number | undefined {
  if (date === undefined || date.length !== 8) return undefined;
  return Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6)));
}
