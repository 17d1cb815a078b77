/**
 * The options of instances that distribute shards.
 *
 * @module
 */
import { z } from "zod";
import { option } from "./option.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const NAME_WANTED = "up to 63 letters, digits, dots, - and _, a letter or digit first";

/** The part of the configuration's shape that is about shards. */
export const clusterOptions = {
  shards: option(z.number().int().min(1).max(256).optional(), {
    expected: "a whole number from 1 to 256",
    help: "split the symbols into N shards, which instances with the same database share [1]",
    value: "N",
  }),
  shard: option(z.union([z.number().int().min(0).max(255), z.literal("auto")]).optional(), {
    expected: "auto, or a number from 0 that is less than --shards",
    help: "hold a fair share of the shards, or always the shard of this number [auto]",
    value: "auto|N",
  }),
  cluster: option(z.string().regex(NAME).default("barline"), {
    expected: NAME_WANTED,
    help: "name of the group of instances that share the shards",
    value: "NAME",
  }),
  instance: option(z.string().regex(NAME).optional(), {
    expected: NAME_WANTED,
    help: "name of this instance [its host and process]",
    value: "NAME",
  }),
  leaseSeconds: option(z.number().min(2).max(300).default(5), {
    expected: "seconds from 2 to 300",
    help: "take the shards of an instance that has been silent this long",
    value: "SECONDS",
  }),
  leaseDatabase: option(z.string().min(1).optional(), {
    expected: "postgres://user@host:port/name",
    help:
      "hold the leases of shards in this PostgreSQL, reached without a pooler [where records go: that of --database, or NATS]",
    value: "URL",
    secret: true,
  }),
};

/** The options of shards. */
type ClusterSettings = z.infer<z.ZodObject<typeof clusterOptions>>;

/** Whether this instance is one of several, which any option of shards implies. */
export function isClustered({ shards, shard }: Pick<ClusterSettings, "shards" | "shard">): boolean {
  return shards !== undefined || shard !== undefined;
}

/** Whether leases are kept in NATS: if records go there, unless a database is named for the leases. */
export function keepsLeasesInNats(
  { sink, leaseDatabase }: Pick<ClusterSettings, "leaseDatabase"> & { readonly sink: string },
): boolean {
  return sink === "nats" && leaseDatabase === undefined;
}
