/**
 * Dialect and file to a plan: which column is what, how times are read, and what nobody but the user can know.
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
import { readTimeframe } from "./timeframe_names.ts";
import { findTimes, type TimeFindings } from "./time_findings.ts";
import { compileTimes } from "./times.ts";
import { createZone } from "./zone.ts";

/** What a plan has to know of a field. */
export interface FileField {
  readonly name: string;
  /** Further names in files. */
  readonly aliases: readonly string[];
  /** Whether a file without it can be read. */
  readonly optional?: true;
}

/** What a plan is made of. */
export interface CompileOptions {
  /** Preset, dialect file and flags, merged. */
  dialect: Dialect;
  /** Whether a preset is among them: it knows what its columns and times are. */
  hasPreset: boolean;
  /** Fields of the kind, with their names in files. */
  fields: readonly FileField[];
  /** First lines of the file, unpacked and decoded. */
  lines: readonly string[];
  /** Names of the file, of which the first that a pattern matches says symbol and timeframe: that in an archive, and the path. */
  paths: readonly string[];
  /** Timeframe of a file with Barline's own columns that does not say it. @default {1m} */
  defaultTimeframe?: string;
}

/** The prices of a bar, of which one alone may lack its decimals. */
const PRICES: ReadonlySet<string> = new Set(["open", "high", "low", "close", "vwap"]);

/** Compiles the plan of a file. */
export function compilePlan(options: CompileOptions): Planned {
  const { dialect, fields, lines } = options;
  const sample = takeSample(lines, dialect);
  const questions: Question[] = [];
  const parts = readPath(dialect, options.paths);
  const sources = findSources(options, sample, parts);
  const needed = fields.filter(({ optional }, at) => !optional && sources[at] === undefined);
  const isNative = !options.hasPreset && needed.length === 0 && !changesReading(dialect, fields, sources);
  for (const { name } of needed) questions.push(askColumn(name, sample));

  const place = (name: string) => fields.findIndex((field) => field.name === name);
  const timeframe = findTimeframe(options, sources[place("timeframe")], parts, isNative);
  const clock = findClock(dialect, sample, sources[place("ts")]);
  const isBars = place("timeframe") >= 0;
  const times: TimeFindings = isNative
    ? { unit: dialect.timeUnit ?? "iso", format: undefined, stamp: "start", questions: [] }
    : findTimes({
      dialect,
      hasPreset: options.hasPreset,
      texts: textsOf(sources[place("ts")], sample),
      clocks: clock === undefined ? undefined : textsOf(clock, sample),
      timeframe: timeframe.constant,
      isStampKnown: !isBars,
    });
  questions.push(...times.questions);
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
      zone: dialect.timeZone === undefined ? undefined : createZone(dialect.timeZone, dialect.ambiguous),
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

/** What the path says by the first pattern that matches one of its names. */
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

function findSources(
  { dialect, hasPreset, fields }: CompileOptions,
  sample: Sample,
  parts: PathParts,
): (Source | undefined)[] {
  const { columns = {}, constants = {} } = dialect;
  const isNamed = (name: string) => columns[name] !== undefined;
  const refOf = (name: string) => name === "ts" && !isNamed("ts") && isNamed("date") ? columns.date : columns[name];
  return fields.map(({ name, aliases }) => {
    if (constants[name] !== undefined) return { from: "constant", value: constants[name] };
    // The path is asked where the file has no such column; a pattern that the user gives is stronger than a column.
    const fromPath = name === "symbol" ? parts.symbol : undefined;
    if (fromPath !== undefined && !isNamed(name)) return { from: "constant", value: fromPath };
    const ref = refOf(name);
    if (ref !== undefined) {
      if (sample.isObjects) return { from: "key", keys: findKeys(ref) };
      const places = findColumns(ref, sample.header);
      return places && { from: "column", places };
    }
    // A preset says all that it has: a name that happens to be there means something else.
    if (hasPreset && Object.keys(columns).length > 0) return undefined;
    if (sample.isObjects) {
      const isThere = sample.rows.length === 0 ||
        sample.rows.some(({ object }) => [name, ...aliases].some((key) => object?.[key] !== undefined));
      return isThere ? { from: "key", keys: [name, ...aliases].map((key) => [key]) } : undefined;
    }
    const names = sample.header.map(plainName);
    const exact = names.indexOf(name);
    const at = exact >= 0 ? exact : names.findIndex((each) => aliases.includes(each));
    return at < 0 ? undefined : { from: "column", places: [at] };
  });
}

/** The column of the time of day: as the dialect says, or one named `time` beside `date`. */
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

function askColumn(name: string, { header, rows, isObjects }: Sample): Question {
  if (name === "symbol") {
    return { missing: "header lacks symbol", answer: "--constant symbol=AAPL, or --symbol-from '{symbol}.csv'" };
  }
  const names = isObjects ? Object.keys(rows[0]?.object ?? {}) : header;
  const shown = JSON.stringify(names.join(",").slice(0, 200));
  const column = header.length === 0 && !isObjects ? "2" : "NAME";
  const missing = `header lacks ${name}. Its columns are ${shown}`;
  return {
    missing,
    answer: name === "volume" ? "--column volume=NAME, or --constant volume=0" : `--column ${name}=${column}`,
  };
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

/** Midnight of `20240102`, as of UTC. */
function dayOf(date: string | undefined): number | undefined {
  if (date === undefined || date.length !== 8) return undefined;
  return Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6)));
}
