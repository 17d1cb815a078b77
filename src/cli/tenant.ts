/** `barline tenant`. @module */
import { loadConfig } from "../config/load.ts";
import { TENANT_NAME, TENANT_NAME_EXPECTED } from "../config/tenant_name.ts";
import { withClient } from "../database/database.ts";
import { prepareDatabase } from "../database/migrate.ts";
import { openDatabase } from "../database/open.ts";
import { changeGrants, readGrants } from "../database/readers/grants.ts";
import type { Grants } from "../database/readers/relations.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";

/** Shows and changes which roles read which tenants' rows. */
export async function run({ words: [action, name, ...rest], options, flags, configFile }: Invocation): Promise<number> {
  const config = loadConfig({ flags: options, env: Deno.env.get, file: configFile });
  const role = flags.get("role");
  const all = flags.has("all");
  if (rest.length > 0) throw new UsageError(`Cannot understand "${rest[0]}": expected one name`);
  if (action !== "list") {
    if (typeof role !== "string" || role === "") {
      throw new UsageError(`Cannot ${action} without a role: name it with --role`);
    }
    if (all === (name !== undefined)) throw new UsageError(`Cannot ${action}: expected a tenant's name, or --all`);
    if (name !== undefined && !TENANT_NAME.test(name)) {
      throw new UsageError(`Cannot ${action} ${JSON.stringify(name)}: expected ${TENANT_NAME_EXPECTED}`);
    }
  }
  if (config.target === undefined) {
    throw new UsageError("The embedded database has one user: roles are for a server, give it with --database");
  }
  await using database = await openDatabase(config);
  if (action === "list") {
    emit(await withClient(database, readGrants), config.settings.json);
    return EXIT.done;
  }
  await prepareDatabase(database);
  const change = { role: role as string, tenant: name, isRevoked: action === "revoke" };
  const { grants, notices } = await withClient(database, (client, names) => changeGrants(client, names, change));
  for (const warn of notices) console.error(`Notice: ${warn}`);
  emit(grants, config.settings.json);
  return EXIT.done;
}

function emit(grants: Grants, json: boolean): void {
  const all = Array.from(
    grants,
    ([role, tenants]) => ({ role, tenants: tenants === undefined ? "all" : [...tenants] }),
  );
  if (json) console.log(JSON.stringify({ grants: all }));
  else if (all.length === 0) console.log("No role reads rows of a tenant by a grant of this program");
  else {
    for (const { role, tenants } of all) {
      console.log(`${role}: ${tenants === "all" ? "all tenants" : (tenants as string[]).join(", ")}`);
    }
  }
}
