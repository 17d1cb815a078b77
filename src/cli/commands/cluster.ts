/** `barline cluster`. @module */
import { type Command, isNats, type OptionName } from "../command.ts";

const OWN: readonly OptionName[] = [
  "database",
  "sslmode",
  "sslrootcert",
  "schema",
  "cluster",
  "leaseDatabase",
  "sink",
  "json",
];

/** Shows the instances that distribute shards. */
export const cluster: Command = {
  summary: "Show instances, the shards that each holds, and how far behind they are",
  usage: "status [options]",
  subcommands: { status: "instances, shards and lags; the exit code is 1 where a shard has no holder" },
  options: (all) => [...OWN, ...all.filter(isNats)],
  examples: ["cluster status", "cluster status --database postgres://user@host/market --json"],
  load: () => import("../cluster.ts"),
};
