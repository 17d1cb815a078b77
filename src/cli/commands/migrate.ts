/** `barline migrate`. @module */
import { type Command, isNats, type OptionName } from "../command.ts";

const OWN: readonly OptionName[] = [
  "database",
  "sslmode",
  "sslrootcert",
  "schema",
  "dataDir",
  "timescale",
  "writeTimeoutMs",
  "sink",
];

/**
 * Brings the database's schema, TimescaleDB included, to the state that program and configuration need, as `ingest`
 * does; or the stream, if records go there.
 */
export const migrate: Command = {
  summary: "Create or update the tables, as every ingest does at its start, or the stream",
  options: (all) => [...OWN, ...all.filter(isNats)],
  flags: [{
    name: "grant",
    value: "ROLE",
    help: "give the role all rights that it needs to write records of every kind",
  }, { name: "plan", help: "print the statements that would be run, and change nothing" }],
  examples: [
    "migrate",
    "migrate --database postgres://owner@db/market",
    "migrate --config barline.yaml --plan",
    "migrate --database postgres://owner@db/market --grant barline",
    "migrate --sink nats --nats-url nats://hub:4222 --nats-replicas 3",
  ],
  load: () => import("../migrate.ts"),
};
