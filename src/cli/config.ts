/** `barline config`. @module */
import { z } from "zod";
import { stringify } from "yaml";
import { makeTenantProviders } from "../app/configured.ts";
import { type CheckedConfig, describeConfig, loadConfig } from "../config/load.ts";
import { settingsSchema } from "../config/options.ts";
import { printable } from "../telemetry/log.ts";
import { EXIT, type Invocation } from "./command.ts";
import { environment } from "./environment.ts";
import { TENANT_NAME } from "../config/tenant_name.ts";
import { TENANT_OPTIONS, VARIABLE } from "../config/tenants.ts";

/** Checks and shows the configuration. */
export async function run({ words, options, configFile }: Invocation): Promise<number> {
  if (words[0] === "init") {
    return await (await import("./init.ts")).run({ words: [], options, flags: new Map([["print", true]]), configFile });
  }
  if (words[0] === "schema") {
    console.log(JSON.stringify(makeJsonSchema(), null, 2));
    return EXIT.done;
  }
  const check = (config: CheckedConfig) => {
    const made = makeTenantProviders(config);
    return made.ok ? [] : made.problems;
  };
  const loaded = loadConfig({
    flags: options,
    ...environment(),
    file: configFile,
    check: words[0] === "check" ? check : undefined,
  });
  for (const warning of loaded.warnings) console.error(printable(warning));
  if (words[0] === "check") console.log("The configuration is sound");
  else {
    for (const { name, value, source } of describeConfig(loaded)) {
      const line = value === undefined
        ? `# ${name}:`
        : `${name}: ${stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trim()}`;
      console.log(`${line.padEnd(50)} # ${source}`);
    }
  }
  return EXIT.done;
}

/** The schema of the user's file, in which options may be left out. */
function makeJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(settingsSchema, { io: "input" });
  dropMeta(schema);
  const { properties = {} } = schema;
  const own = TENANT_OPTIONS.map((name) => [name, { ...properties[name] as object, default: undefined }]);
  const variable = { type: "string", pattern: VARIABLE.source };
  const tenants = {
    description: "several users in one process, each with a pipeline of its own",
    type: "array",
    items: {
      type: "object",
      required: ["name"],
      properties: {
        name: { type: "string", pattern: TENANT_NAME.source },
        variables: { type: "object", additionalProperties: variable },
        httpToken: variable,
        ...Object.fromEntries(own),
      },
      additionalProperties: false,
    },
  };
  return { title: "Barline configuration", ...schema, properties: { ...properties, tenants } };
}

/** Removes the schema's descriptions for this program, at any depth. */
function dropMeta(schema: object): void {
  delete (schema as Record<string, unknown>).barline;
  for (const part of Object.values(schema)) if (typeof part === "object" && part !== null) dropMeta(part);
}
