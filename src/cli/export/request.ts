/**
 * Reads and checks the flags of an export.
 *
 * @module
 */
import type { Config } from "../../config/load.ts";
import { EXPORT_FORMATS, type ExportForm, type ExportFormat } from "../../export/manifest.ts";
import { PARTITION_KEYS, type PartitionKey, type TimeRange } from "../../export/partitions.ts";
import { type Compression, COMPRESSIONS } from "../../files/write/batch_parquet.ts";
import { type Invocation, UsageError } from "../command.ts";
import { readTimes } from "../time.ts";

/** See the module's description. */
export interface ExportRequest {
  readonly form: ExportForm;
  readonly range: TimeRange;
  /** A directory, an address of S3, or `-`. */
  readonly output: string;
}

/**
 * Reads the flags.
 *
 * @throws {UsageError} If one is missing or wrong.
 */
export function readRequest({ flags }: Invocation, config: Config): ExportRequest {
  const output = flags.get("output");
  if (typeof output !== "string" || output === "") {
    throw new UsageError("Cannot export: give the place with --output DIR, --output s3://BUCKET/PREFIX or --output -");
  }
  const format = readChoice(flags, "format", EXPORT_FORMATS, "parquet");
  const compression = readCompression(flags, format);
  const partitionBy = readKeys(flags, output);
  const { settings: { kind: kinds, json } } = config;
  if (kinds.length !== 1) {
    throw new UsageError(`Cannot export ${kinds.join(" and ")} together: give one --kind, each has columns of its own`);
  }
  if (output === "-") checkStandardOutput(format, json);
  else if (isFile(output)) {
    throw new UsageError(`Cannot export into "${output}": it is a file, expected a directory, s3://… or -`);
  }
  const range: TimeRange = readTimes(flags, "export");
  return {
    form: { kind: kinds[0], format, compression, partitionBy, selection: selectionOf(config, range) },
    range,
    output,
  };
}

function readChoice<const T extends string>(
  flags: Invocation["flags"],
  name: string,
  choices: readonly T[],
  fallback: T,
): T {
  const given = flags.get(name) ?? fallback;
  if (choices.includes(given as T)) return given as T;
  throw new UsageError(
    `Cannot use --${name}: current value is ${JSON.stringify(given)}, expected one of ${choices.join(", ")}`,
  );
}

function readCompression(flags: Invocation["flags"], format: ExportFormat): Compression {
  if (format === "parquet") return readChoice(flags, "compression", COMPRESSIONS, "zstd");
  if (readChoice(flags, "compression", COMPRESSIONS, "none") === "none") return "none";
  throw new UsageError(`Cannot compress ${format}: --compression is for Parquet`);
}

function readKeys(flags: Invocation["flags"], output: string): PartitionKey[] {
  const given = flags.get("partition-by");
  if (output === "-") {
    if (given === undefined || given === "none") return [];
    throw new UsageError("Cannot divide standard output: leave out --partition-by, or give a directory with --output");
  }
  if (given === "none") return [];
  const keys = String(given ?? "date").split(",").map((key) => key.trim());
  const wrong = keys.find((key, at) => !PARTITION_KEYS.includes(key as PartitionKey) || keys.indexOf(key) < at);
  if (wrong !== undefined || keys.includes("date") && keys.includes("month")) {
    throw new UsageError(
      `Cannot use --partition-by: current value is ${
        JSON.stringify(given)
      }, expected none, or some of provider, date or ` +
        "month, symbol",
    );
  }
  return keys as PartitionKey[];
}

/** The chosen series and times; defaults choose nothing. */
function selectionOf({ settings, sources }: Config, { from, to }: TimeRange): ExportForm["selection"] {
  const { tenant, provider, symbols, timeframe } = settings;
  const isGiven = (name: "symbols" | "timeframe") => sources.get(name) !== "default";
  if (isGiven("timeframe") && typeof timeframe !== "string" || isGiven("symbols") && !Array.isArray(symbols)) {
    throw new UsageError("Cannot choose the series: give --symbols and --timeframe as lists, not by provider");
  }
  const time = (ms: number | undefined) => ms === undefined ? null : new Date(ms).toISOString();
  return {
    tenant,
    providers: provider.length === 0 ? null : provider.toSorted(),
    symbols: isGiven("symbols") ? (symbols as string[]).toSorted() : null,
    timeframes: isGiven("timeframe") ? [timeframe as string] : null,
    from: time(from),
    to: time(to),
  };
}

function checkStandardOutput(format: ExportFormat, json: boolean): void {
  if (json) throw new UsageError("Cannot print a summary as JSON: standard output has the records, leave out --json");
  if (format === "parquet" && Deno.stdout.isTerminal()) {
    throw new UsageError("Cannot print Parquet on a terminal: give a directory with --output, or --format csv");
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
