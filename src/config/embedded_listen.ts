/**
 * The port at which clients of PostgreSQL read the embedded database, and its password.
 *
 * @module
 */
import type { CheckedConfig } from "./load.ts";
import type { ConfigProblem } from "./problem.ts";

/** Variable with the password of readers. */
export const PASSWORD_VARIABLE = "BARLINE_EMBEDDED_PASSWORD";

/** Shortest password, in characters, against guessing. */
const MIN_LENGTH = 8;

/** Reads `[HOST:]PORT`; an IPv6 host is in brackets. */
export function parseListen(address: string): { hostname: string; port: number } {
  const colon = address.lastIndexOf(":");
  const host = colon < 0 ? "127.0.0.1" : address.slice(0, colon);
  return { hostname: host.replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(colon + 1)) };
}

/** Refuses a port without a password, or without an embedded database. */
export function checkEmbeddedListen({ settings, sources, variable }: CheckedConfig): ConfigProblem[] {
  const { embeddedListen: address, sink, database = "embedded" } = settings;
  if (address === undefined) return [];
  const source = sources.get("embeddedListen")!;
  const current = `current value is ${JSON.stringify(address)}`;
  if (database !== "embedded" || sink !== "postgres") {
    return [{
      key: "embeddedListen",
      source,
      message: `${current}, and records go elsewhere; expected the embedded database. Connect clients to that server`,
    }];
  }
  const password = variable(PASSWORD_VARIABLE)?.trim() ?? "";
  if (password.length >= MIN_LENGTH) return [];
  return [{
    key: "embeddedListen",
    source,
    message: `${current}, and the password has ${password.length} characters, expected at least ${MIN_LENGTH}: ` +
      `set ${PASSWORD_VARIABLE}, for instance to the output of openssl rand -hex 16`,
  }];
}
