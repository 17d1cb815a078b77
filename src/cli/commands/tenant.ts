/** `barline tenant`. @module */
import type { Command } from "../command.ts";
import { place } from "./stored.ts";

/** Shows and changes which roles read which tenants' rows. */
export const tenant: Command = {
  summary: "Let roles of the database read the rows of a tenant, and no others",
  usage: "grant|revoke|list [NAME] [--role ROLE]",
  options: ["database", "sslmode", "sslrootcert", "schema", "dataDir", "writeTimeoutMs", "json"],
  flags: [
    { name: "role", value: "ROLE", help: "role of the database, which is there already" },
    { name: "all", help: "all tenants, in place of a name" },
  ],
  optionHelp: place,
  subcommands: {
    grant: "let a role see a tenant's rows through tables, views and roll-ups",
    revoke: "take that from it",
    list: "show the roles and their tenants",
  },
  examples: ["tenant grant acme --role acme_reader", "tenant revoke acme --role acme_reader", "tenant list --json"],
  load: () => import("../tenant.ts"),
};
