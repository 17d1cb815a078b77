/**
 * Tenants of the configuration file, below `tenants:`: a list, each with its name, the options that differ from the
 * rest of the file, and which variables of the environment hold its secrets.
 *
 * @module
 */
import { closestString } from "@std/text/closest-string";
import type { ConfigProblem } from "./problem.ts";
import { FILE_OPTIONS } from "./file_options.ts";
import { camelCase } from "./mapping.ts";
import type { OptionName } from "./options.ts";
import { isMapping } from "./per_provider.ts";
import { TENANT_NAME, TENANT_NAME_EXPECTED } from "./tenant_name.ts";

/** Options that a tenant may have; all others belong to the process. */
export const TENANT_OPTIONS: readonly OptionName[] = [
  ...[
    "provider",
    "symbols",
    "timeframe",
    "kind",
    "file",
    "refuseLimit",
    "timeUnit",
    ...FILE_OPTIONS,
    "speed",
    "rate",
    "limit",
    "follow",
    "resume",
  ] as const,
  ...["provisional", "pollSeconds", "failover", "failoverAfter", "failoverBack"] as const,
  ...["repairShare", "sweep", "repairRequests", "repairDays"] as const,
  ...["quorum", "quorumTolerance", "quorumVolumeTolerance", "feedbackUrl", "dlqAutoReplay"] as const,
  ...["journal", "journalSyncMs", "journalMaxBytes", "journalFull"] as const,
  ...[
    "capacity",
    "workers",
    "batchSize",
    "lingerMs",
    "lateAfter",
    "retryAttempts",
    "circuitFailures",
    "circuitOpenMs",
  ] as const,
];

/** A tenant in the file. */
export interface TenantEntry {
  readonly name: string;
  /** Unchecked values. */
  readonly values: ReadonlyMap<OptionName, unknown>;
  /** Variables that providers read, with the environment variable for this tenant. */
  readonly variables: Readonly<Record<string, string>>;
  /** Variable with the token that shows this tenant. */
  readonly httpToken?: string;
}

const OWN_KEYS = ["name", "variables", "httpToken"];
/** Names of variables. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads the list, and adds its problems to `problems`. */
export function readTenants(value: unknown, source: string, problems: ConfigProblem[]): TenantEntry[] {
  const refuse = (key: string, message: string) => problems.push({ key, source, message });
  if (!Array.isArray(value)) {
    refuse("tenants", `current value is ${JSON.stringify(value)}, expected a list of mappings with a name each`);
    return [];
  }
  const entries: TenantEntry[] = [];
  for (const [at, item] of value.entries()) {
    const name: unknown = isMapping(item) ? item.name : undefined;
    if (!isMapping(item) || typeof name !== "string" || !TENANT_NAME.test(name)) {
      refuse(`tenants[${at}].name`, `current value is ${JSON.stringify(name)}, expected ${TENANT_NAME_EXPECTED}`);
    } else if (entries.some((other) => other.name === name)) {
      refuse(`tenants.${name}`, "the name stands there twice, expected one entry");
    } else {
      entries.push(readEntry(name, item, (key, message) => refuse(`tenants.${name}.${key}`, message)));
    }
  }
  return entries;
}

function readEntry(
  name: string,
  item: Readonly<Record<string, unknown>>,
  refuse: (key: string, message: string) => void,
): TenantEntry {
  const values = new Map<OptionName, unknown>();
  const known = [...OWN_KEYS, ...TENANT_OPTIONS];
  for (const [key, value] of Object.entries(item)) {
    const option = camelCase(key);
    if (TENANT_OPTIONS.includes(option as OptionName)) values.set(option as OptionName, value);
    else if (!OWN_KEYS.includes(option)) {
      refuse(key, `no such option of a tenant, did you mean "${closestString(option, known)}"?`);
    }
  }
  const { variables = {}, httpToken = item["http-token"] ?? item["http_token"] } = item;
  const isVariable = (value: unknown) => typeof value === "string" && VARIABLE.test(value);
  // Not shown: a secret put there by mistake must not reach the log.
  if (httpToken !== undefined && !isVariable(httpToken)) {
    refuse("httpToken", "current value (not shown) names no variable, expected the name of one that holds the token");
  }
  const isSound = isMapping(variables) && [...Object.keys(variables), ...Object.values(variables)].every(isVariable);
  if (!isSound) {
    refuse(
      "variables",
      "current value (not shown) does not name variables, expected a mapping, as in { ALPACA_API_KEY: ACME_ALPACA_KEY }",
    );
  }
  return {
    name,
    values,
    variables: isSound ? variables as Record<string, string> : {},
    httpToken: isVariable(httpToken) ? httpToken as string : undefined,
  };
}
