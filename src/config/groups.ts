/**
 * The groups of options in the help and the documentation.
 *
 * @module
 */
import { FILE_OPTIONS } from "./file_options.ts";
import type { OptionName } from "./options.ts";

/** Options that belong together. */
export interface OptionGroup {
  readonly title: string;
  /** The options that most people need, which the short help shows. */
  readonly common: readonly OptionName[];
  readonly further: readonly OptionName[];
}

const groups = [
  {
    title: "Source",
    common: ["provider", "symbols", "timeframe", "limit"],
    further: ["kind", "speed", "rate", "provisional", "pollSeconds"],
  },
  {
    title: "Files",
    common: ["file", "format", "timeZone", "resume"],
    further: [
      "follow",
      "fileProvider",
      "refuseLimit",
      "timeUnit",
      ...FILE_OPTIONS.filter((name) => name !== "format" && name !== "timeZone"),
    ],
  },
  {
    title: "Destination",
    common: ["database", "dataDir"],
    further: ["sslmode", "sslrootcert", "schema", "timescale", "archive", "connections", "tenant", "sink"],
  },
  {
    title: "Safety",
    common: ["journal", "strict"],
    further: [
      ...["journalSyncMs", "journalMaxBytes", "journalFull", "drainTimeout", "dlqAutoReplay"] as const,
      ...["synchronousCommit", "writeTimeoutMs", "retryAttempts", "circuitFailures", "circuitOpenMs"] as const,
    ],
  },
  {
    title: "Output",
    common: ["http", "json"],
    further: ["embeddedListen", "streamClients", "streamHours", "logLevel", "logFormat", "feedbackUrl"],
  },
  {
    title: "History and repairs",
    common: [],
    further: ["repairShare", "sweep", "repairRequests", "repairDays", "lateAfter"],
  },
  {
    title: "Several providers",
    common: [],
    further: [
      ...["failover", "failoverAfter", "failoverBack", "quorum", "quorumTolerance", "quorumVolumeTolerance"] as const,
    ],
  },
  { title: "Speed", common: [], further: ["workers", "batchSize", "lingerMs", "capacity"] },
  {
    title: "Several instances",
    common: [],
    further: ["shards", "shard", "cluster", "instance", "leaseSeconds", "leaseDatabase"],
  },
  {
    title: "NATS",
    common: [],
    further: [
      ...["natsUrl", "natsUser", "natsPassword", "natsToken", "natsNkey", "natsCreds"] as const,
      ...["natsTlsCa", "natsTlsCert", "natsTlsKey", "natsStream", "natsRetention", "natsReplicas"] as const,
      ...["natsMaxBytes", "natsMaxAge", "natsDiscard", "natsDedupe", "natsSources", "natsShards"] as const,
      ...["natsConsumer", "natsMaxAckPending", "natsAckWait"] as const,
    ],
  },
] as const satisfies readonly OptionGroup[];

type Grouped = typeof groups[number]["common" | "further"][number];
/** Does not compile if an option is in no group. */
const all: [Exclude<OptionName, Grouped>] extends [never] ? readonly OptionGroup[] : never = groups;

/** All options, each in one group. */
export const optionGroups: readonly OptionGroup[] = all;
