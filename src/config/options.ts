/**
 * Every option: its type, its default, its names on the command line and in the environment, and its help.
 *
 * One table serves the command line, the environment, the YAML file, `--help` and the JSON Schema.
 *
 * @module
 */
import { z } from "zod";
import { archiveSchema } from "./archive.ts";
import { clusterOptions } from "./cluster.ts";
import { natsOptions } from "./nats.ts";
import { choice, flag, list, milliseconds, option, type OptionMeta, part, positive, seconds, text } from "./option.ts";
import { isSchemaName, SCHEMA_NAME_WANTED } from "./database.ts";
import { type KindName, recordKinds } from "../records/mod.ts";
import { FILE_TIME_UNITS } from "../files/dialect.ts";
import { fileOptions } from "./files.ts";
import { checkProvider } from "../records/symbol.ts";
import { DEFAULT_TIMEFRAME, TIMEFRAMES } from "../records/timeframe.ts";
import { timescaleSchema } from "./timescale.ts";
import { DEFAULT_TENANT } from "../storage/data_dir.ts";
import { TENANT_NAME, TENANT_NAME_EXPECTED } from "./tenant_name.ts";

const HTTP_ADDRESS = /^(off|(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5})$/;
const LISTEN_ADDRESS = /^((\[[0-9a-fA-F:]+\]|[^:\s]+):)?\d{1,5}$/;
const isPort = (address: string) => address === "off" || Number(address.slice(address.lastIndexOf(":") + 1)) < 65_536;
/** `--speed`: playback speed; `max` means without waiting. */
const speed = z.union([z.number().positive(), z.literal("max")]);
/** `--refuse-limit`: a number of records, or a share of them. */
const refuseLimit = z.union([
  z.number().positive().refine((value) => value < 1 || Number.isInteger(value)),
  z.literal("off"),
  z.string().regex(/^(100|\d{1,2}(\.\d+)?)%$/),
]);
/** A value for all providers or, in the file, one for each by name. */
const perProvider = <T extends z.ZodType>(type: T) => z.union([type, z.record(z.string().min(1), type)]);
const KINDS = Object.keys(recordKinds) as KindName[];
const timeframes = [...TIMEFRAMES.keys()];

/** The schema of the configuration. */
export const settingsSchema = z.strictObject({
  provider: list({
    expected: "names of providers",
    help:
      "read from this provider: alpaca, binance, ibkr, kraken, massive, mock, nats, replay (repeatable) [mock; replay with --file]",
    value: "NAME",
  }).default([]),
  symbols: option(perProvider(z.array(z.string().min(1))), {
    expected: "symbols, separated by commas",
    help: "fetch these symbols; the YAML file may set them by provider [AAPL,MSFT,NVDA]",
    value: "A,B",
  }).default(["AAPL", "MSFT", "NVDA"]),
  failover: list({
    expected: "names of two or more live providers",
    help: "let these providers stand in for each other, the preferred one first; one delivers at a time [none]",
    value: "A,B",
  }).default([]),
  failoverAfter: seconds("switch to the next provider after so long without a connection", 30),
  failoverBack: seconds("switch back once an earlier provider has had live bars for so long", 30),
  quorum: list({
    expected: "names of two providers",
    help: "compare the bars of these two providers for the same symbols [none]",
    value: "A,B",
  }).default([]),
  quorumTolerance: part("treat prices as equal up to this relative difference").default(0.001),
  quorumVolumeTolerance: part("treat volumes as equal up to this relative difference [volumes are not compared]")
    .optional(),
  timeframe: option(perProvider(z.enum(timeframes)).default(DEFAULT_TIMEFRAME), {
    expected: `one of ${timeframes.join(", ")}`,
    help: "length of a bar where the source does not state it; the YAML file may set it by provider",
    value: "1m",
  }),
  kind: option(z.array(z.enum(KINDS)).min(1).default(["bar"]), {
    expected: `kinds of records: ${KINDS.join(", ")}`,
    help: "kinds of records that mock makes, or the kind that files hold (repeatable)",
    value: KINDS.join("|"),
  }),
  pollSeconds: option(z.number().min(1).max(86_400).default(60), {
    expected: "seconds from 1 to 86400",
    help: "poll option chains this often, and reports at most every 6 hours",
    value: "SECONDS",
  }),
  repairShare: part("spend at most this share of a live feed's history requests on repairs that are not urgent")
    .default(0.1),
  sweep: choice(["on", "off"], "on", "ask history about missing bars of symbols that trade rarely"),
  repairRequests: option(z.number().int().min(1).max(1_000_000_000).optional(), {
    expected: "a whole number from 1 to 1000000000",
    help: "spend at most N requests a day on the repairs of each live feed [no limit]",
    value: "N",
  }),
  repairDays: positive("repair gaps of live feeds up to N days back", 30, 36_500),
  file: list({
    expected: "paths of files, directories, globs, or -",
    help:
      "read a file: CSV, NDJSON, JSON, Parquet, Arrow, DBN, also in gzip, zstd or zip; a directory, a glob, or - for " +
      "standard input (repeatable)",
    value: "PATH|GLOB|-",
    whole: true,
  }).default([]),
  fileProvider: option(z.string().refine((name) => checkProvider(name) === undefined).optional(), {
    expected: "a name of up to 64 letters, digits and marks",
    help: "store records of files as those of this provider [replay]",
    value: "NAME",
  }),
  refuseLimit: option(refuseLimit.default(1000), {
    expected: "a number of records, a share as in 20%, or off",
    help: "stop reading a file if its first N records, or more than P% of all, are refused for one reason",
    value: "N|P%|off",
  }),
  timeUnit: choice(
    FILE_TIME_UNITS,
    "iso",
    "unit of times in files: ISO 8601, a number of units since 1970, or auto, which tells the unit by its size",
  ),
  ...fileOptions,
  speed: option(speed.optional(), {
    expected: "max, or a number above 0",
    help: "play at N × real time, or as fast as possible [mock: 1000 bars/s; files: max]",
    value: "max|N",
  }),
  rate: option(z.number().positive().optional(), {
    expected: "records per second, a number above 0",
    help: "take at most N records a second from each provider that can wait [no limit]",
    value: "N",
  }),
  provisional: flag("store forming bars too, marked as provisional"),
  follow: flag("keep reading files as they grow, through rotation and truncation, until stopped"),
  resume: flag("continue after the last committed line of each file, or the last bar of the mock"),
  limit: option(z.number().int().min(1).optional(), {
    expected: "a whole number from 1",
    help: "stop after N records [no limit]",
    value: "N",
  }),
  database: option(z.string().min(1).default("embedded"), {
    expected: "embedded, or postgres://user@host:port/name",
    help: "store in the embedded database, or in the PostgreSQL of this URL [POSTGRES_*, else embedded]",
    value: "embedded|URL",
    env: ["DATABASE_URL"],
    secret: true,
  }),
  sslmode: option(z.enum(["disable", "require", "verify-ca", "verify-full"]).default("disable"), {
    expected: "one of disable, require, verify-ca, verify-full",
    help: "TLS to the database: none, encrypted, with a known authority, or with that and the right host",
    value: "MODE",
    env: ["PGSSLMODE"],
  }),
  sslrootcert: option(z.string().min(1).optional(), {
    expected: "the path of a PEM file",
    help: "certificate authority of the database [the system's]",
    value: "PATH",
    env: ["PGSSLROOTCERT"],
  }),
  schema: option(z.string().refine(isSchemaName).optional(), {
    expected: SCHEMA_NAME_WANTED,
    help: "keep the tables in this schema, which is created if missing [where the user's search_path leads, " +
      "as a rule public]",
    value: "NAME",
  }),
  timescale: option(timescaleSchema.default({}), {
    expected: "a mapping, as in timescale: { compressAfter: 30d }",
    help: "how TimescaleDB keeps the bars, where the server has it",
  }),
  archive: option(archiveSchema.optional(), {
    expected: "a mapping with an output, as in archive: { output: s3://market/archive }",
    help: "export days that are over, and drop records only when they are archived and verified",
  }),
  sink: choice(["postgres", "nats"], "postgres", "send records to the database, or to a stream that hubs store from"),
  connections: option(z.number().int().min(1).max(10_000).optional(), {
    expected: "a whole number from 1 to 10000",
    help: "write over at most N connections, of all tenants together [20, or as many as one tenant has workers]",
    value: "N",
  }),
  tenant: option(z.string().regex(TENANT_NAME).default(DEFAULT_TENANT), {
    expected: TENANT_NAME_EXPECTED,
    help: "tenant that owns the rows; of the tenants in the YAML file, run this one [all of them]",
    value: "NAME",
  }),
  dataDir: text({
    expected: "a path",
    help: "keep the embedded database, journal, dead letters and positions here",
    value: "PATH",
  })
    .default("./data"),
  http: option(z.string().regex(HTTP_ADDRESS).refine(isPort).default("127.0.0.1:9000"), {
    expected: "HOST:PORT with a port from 0 to 65535, or off",
    help: "serve the cockpit, /metrics and /health at this address, or off",
    value: "HOST:PORT|off",
  }),
  embeddedListen: option(z.string().regex(LISTEN_ADDRESS).refine(isPort).optional(), {
    expected: "PORT or HOST:PORT, with a port from 0 to 65535",
    help: "let clients of PostgreSQL read the embedded database there; PORT alone is on 127.0.0.1 [off]",
    value: "[HOST:]PORT",
  }),
  streamClients: positive("let N read /api/stream at once", 1000, 100_000),
  streamHours: option(z.number().min(0).max(8760).default(24), {
    expected: "hours from 0 to 8760",
    help: "let readers of /api/stream come back with a cursor for so long; 0 keeps none",
    value: "HOURS",
  }),
  feedbackUrl: option(z.url({ protocol: /^https?$/ }).optional(), {
    expected: "an address that starts with http:// or https://",
    help: "POST each change of backpressure to this webhook [none]",
    value: "URL",
    env: ["MDS_FB_HTTP_ENDPOINT"],
    secret: true,
  }),
  journal: option(z.enum(["off", "overflow", "durable"]).optional(), {
    expected: "one of off, overflow, durable",
    help: "write records to disk before the database: none, those that memory cannot hold, or all " +
      "[overflow for live feeds, off for other sources]",
    value: "off|overflow|durable",
  }),
  journalSyncMs: milliseconds("sync the journal at least this often while records arrive", 50),
  journalMaxBytes: positive("let the journal grow to N bytes", 1024 ** 3, 2 ** 50),
  journalFull: choice(
    ["block", "drop-oldest"],
    "block",
    "when the journal is full: hold back the sources, or give up the oldest records",
  ),
  capacity: positive("let N records wait in the queue before the source has to", 5000),
  workers: positive("write with N lanes at once", 4, 64),
  batchSize: positive("write at most N records in a batch", 5000, 100_000),
  lingerMs: milliseconds("hold a batch that is not full this long for more, while another is written", 2),
  lateAfter: positive("treat bars of history beside a live feed as late from N seconds of age", 3600),
  retryAttempts: positive("try a write N times before it waits behind the circuit", 5, 100),
  circuitFailures: positive("open the circuit after N failures in a row", 5, 1000),
  circuitOpenMs: milliseconds("probe this long after the circuit has opened", 30_000, 1),
  synchronousCommit: choice(
    ["on", "local", "off"],
    "on",
    "let a commit wait for the server's synchronous replicas, for its own disk, or for nothing",
  ),
  writeTimeoutMs: milliseconds("cancel a write after this time", 15_000, 100),
  drainTimeout: option(z.number().min(0).max(86_400).default(30), {
    expected: "seconds from 0 to 86400",
    help: "at a stop wait this long for accepted records; the rest stays in the journal, or goes to the dead letters",
    value: "SECONDS",
  }),
  ...natsOptions,
  ...clusterOptions,
  strict: flag("end with exit code 5 if there are dead letters"),
  dlqAutoReplay: choice(["on", "off"], "on", "replay at the start the dead letters that an earlier stop left"),
  logLevel: choice(["debug", "info", "warning", "error"], "info", "log this severity and above"),
  logFormat: choice(["text", "json"], "text", "write the log, which goes to stderr, as text or as JSON"),
  json: flag("print the summary as one JSON object, on the last line of stdout"),
});

/** The configuration, complete. */
export type Settings = z.infer<typeof settingsSchema>;
/** Name of an option: its key in the YAML file and in {@linkcode Settings}. */
export type OptionName = keyof Settings;

/** The notation of an option's values in text. */
export type OptionType = "text" | "number" | "flag" | "list" | "mapping";

/** An option for the command line, the environment and the help. */
export interface OptionSpec extends OptionMeta {
  readonly name: OptionName;
  /** `--batch-size`, without the dashes. */
  readonly flag: string;
  readonly variables: readonly string[];
  readonly type: OptionType;
  readonly default: unknown;
}

/** All options in the order of the help. */
export const optionSpecs: readonly OptionSpec[] = Object.entries(settingsSchema.shape).map(([name, type]) => {
  const flagName = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const meta = findMeta(type);
  const optionType = findType(type);
  return {
    ...meta,
    name: name as OptionName,
    flag: flagName,
    variables: optionType === "mapping"
      ? []
      : [`BARLINE_${flagName.toUpperCase().replaceAll("-", "_")}`, ...meta.env ?? []],
    type: optionType,
    default: type.safeParse(undefined).data,
  };
});

/** The options with flags; mappings exist only in the file. */
export const flagSpecs: readonly OptionSpec[] = optionSpecs.filter(({ type }) => type !== "mapping");

/** The description of a schema is on it or, below a default, on the wrapped schema. */
function findMeta(type: z.ZodType): OptionMeta {
  const meta = type.meta()?.barline as OptionMeta | undefined;
  return meta ?? findMeta((type as z.ZodDefault).unwrap() as z.ZodType);
}

function findType(type: z.ZodType): OptionType {
  if (type instanceof z.ZodDefault || type instanceof z.ZodOptional) return findType(type.unwrap() as z.ZodType);
  // Text of the command line and the environment has the first type.
  if (type instanceof z.ZodUnion) return findType(type.options[0] as z.ZodType);
  if (type instanceof z.ZodObject) return "mapping";
  if (type instanceof z.ZodArray) return "list";
  if (type instanceof z.ZodBoolean) return "flag";
  return type instanceof z.ZodNumber ? "number" : "text";
}
