/** `barline doctor`. @module */
import { type Command, isNats, type OptionName } from "../command.ts";

const OWN: readonly OptionName[] = [
  "provider",
  "failover",
  "symbols",
  "timeframe",
  "file",
  "database",
  "sslmode",
  "sslrootcert",
  "schema",
  "sink",
  "shards",
  "shard",
  "cluster",
  "leaseDatabase",
  "dataDir",
  "tenant",
  "http",
  "writeTimeoutMs",
  "json",
];

/** Checks everything that a run needs, with remedies. */
export const doctor: Command = {
  summary: "Check host, database, keys and clock, and say how to mend them",
  options: (all) => [...OWN, ...all.filter(isNats)],
  flags: [
    { name: "bundle", value: "FILE", help: "also write what a maintainer would ask for into a file, without secrets" },
    { name: "ready", value: "URL", help: "ask the instance that serves there whether it is ready, and no more" },
  ],
  examples: [
    "doctor",
    "doctor --database postgres://user@host/market --json",
    "doctor --provider alpaca --symbols AAPL",
    "doctor --sink nats --nats-url nats://hub:4222",
    "doctor --config barline.yaml --bundle barline-report.json",
    "doctor --ready http://127.0.0.1:9000",
  ],
  load: ({ flags }) => flags.has("ready") ? import("../doctor/ready.ts") : import("../doctor.ts"),
};
