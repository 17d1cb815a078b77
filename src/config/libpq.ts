/**
 * Reads settings of other PostgreSQL clients as libpq does: `PGHOST` and similar variables, services, and passwords in
 * `.pgpass`.
 *
 * @module
 */
import { join } from "@std/path";
import type { DatabaseHost, DatabaseTarget } from "./database.ts";

/** Reads a variable; an empty one counts as absent. */
export type Variable = (name: string) => string | undefined;
/** Called with a wrong variable, and the problem. */
export type Refuse = (variable: string, message: string) => void;

/** Variables, with the corresponding parameters of a URL. */
const VARIABLES: Readonly<Record<string, string>> = {
  PGHOST: "host",
  PGPORT: "port",
  PGDATABASE: "dbname",
  PGUSER: "user",
  PGPASSWORD: "password",
  PGAPPNAME: "application_name",
  PGCONNECT_TIMEOUT: "connect_timeout",
  PGTARGETSESSIONATTRS: "target_session_attrs",
};
/** Parameters that a service may have and a URL may not: they do not affect rows. */
const IGNORED = ["hostaddr", "passfile", "options", "client_encoding", "gssencmode", "channel_binding", "keepalives"];

/**
 * The URL of the server that `PGSERVICE` or `PGHOST` select; `undefined` without either. Values missing from a service
 * come from the variables.
 */
export function urlFromLibpq(read: Variable, refuse: Refuse): { variable: string; url: string } | undefined {
  const service = read("PGSERVICE");
  if (service === undefined && read("PGHOST") === undefined) return undefined;
  const parameters = new Map<string, string>();
  for (const [variable, name] of Object.entries(VARIABLES)) {
    const value = read(variable);
    if (value !== undefined) parameters.set(name, value);
  }
  if (!parameters.has("user")) parameters.set("user", read("USER") ?? read("LOGNAME") ?? "postgres");
  if (service !== undefined) {
    const found = findService(service, read);
    if (found === undefined) {
      const files = serviceFiles(read).join(" or ");
      refuse("PGSERVICE", `current value is ${JSON.stringify(service)}, expected a service in ${files}`);
    }
    for (const [name, value] of found ?? []) if (!IGNORED.includes(name)) parameters.set(name, value);
  }
  const query = Array.from(parameters, ([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return { variable: service === undefined ? "PGHOST" : "PGSERVICE", url: `postgres://?${query}` };
}

function serviceFiles(read: Variable): string[] {
  const home = read("HOME");
  const own = read("PGSERVICEFILE") ?? (home === undefined ? undefined : join(home, ".pg_service.conf"));
  const shared = join(read("PGSYSCONFDIR") ?? "/etc/postgresql-common", "pg_service.conf");
  return own === undefined ? [shared] : [own, shared];
}

/** The settings of a service, from the first file that has it. */
function findService(name: string, read: Variable): Map<string, string> | undefined {
  for (const path of serviceFiles(read)) {
    let settings: Map<string, string> | undefined;
    for (const line of readLines(path)) {
      if (line.startsWith("[")) {
        if (settings !== undefined) break;
        if (line === `[${name}]`) settings = new Map();
        continue;
      }
      const equals = line.indexOf("=");
      if (equals > 0 && !line.startsWith("#")) {
        settings?.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
      }
    }
    if (settings !== undefined) return settings;
  }
}

/**
 * The target with the password of each host that `.pgpass` (or `PGPASSFILE`) has. As in libpq, a file that others may
 * read is ignored, with a warning.
 */
export function withPasswordFile(
  target: DatabaseTarget,
  read: Variable,
  warn: (message: string) => void,
): DatabaseTarget {
  const home = read("HOME");
  const path = read("PGPASSFILE") ?? (home === undefined ? undefined : join(home, ".pgpass"));
  if (path === undefined) return target;
  const lines = readLines(path);
  if (lines.length > 0 && isOpenToOthers(path)) {
    warn(`The password file "${path}" is not used: others may read it. Run chmod 600 on it`);
    return target;
  }
  const hosts = target.hosts.map((host): DatabaseHost => {
    const password = findPassword(lines, host, target);
    return password === undefined ? host : { ...host, password };
  });
  return { ...target, hosts };
}

/** Lines are `host:port:database:user:password`; `*` matches anything, and `\` escapes a colon or itself. */
function findPassword(
  lines: readonly string[],
  { host, port }: DatabaseHost,
  { database, user }: DatabaseTarget,
): string | undefined {
  // The name of a socket in the file.
  const expected = [host.startsWith("/") ? "localhost" : host, String(port), database, user];
  for (const line of lines) {
    if (line.startsWith("#")) continue;
    const fields = Array.from(line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g), ([, field]) => field.replace(/\\(.)/g, "$1"));
    if (expected.every((each, at) => fields[at] === "*" || fields[at] === each)) return fields[4];
  }
}

function readLines(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").map((line) => line.trim()).filter(Boolean);
  } catch {
    return [];
  }
}

function isOpenToOthers(path: string): boolean {
  const { mode } = Deno.statSync(path);
  return mode !== null && (mode & 0o077) !== 0;
}
