/**
 * Reads the address of the database from a URL, or from `POSTGRES_*`, as in containers.
 *
 * URLs are those of libpq, which may name several hosts and sockets; `URL` of the platform cannot parse them.
 *
 * @module
 */

/** Encryption of the connection, in libpq's terms. */
export type SslMode = "disable" | "require" | "verify-ca" | "verify-full";

/** Acceptable servers: any, a writable one, or one that is not a standby. */
export type SessionAttributes = "any" | "read-write" | "primary";

/** An address of a PostgreSQL server; a host that begins with `/` is the directory of a Unix socket. */
export interface DatabaseHost {
  readonly host: string;
  readonly port: number;
  /** The host's password, from `.pgpass`; that of the target is stronger. */
  readonly password?: string;
}

/** A PostgreSQL server, or several that replace each other, with the credentials. */
export interface DatabaseTarget {
  /** Tried in order; at least one. */
  readonly hosts: readonly DatabaseHost[];
  readonly sessionAttributes: SessionAttributes;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly sslmode: SslMode;
  /** Path of a PEM file. */
  readonly sslrootcert?: string;
  /** Longest wait for a connection to one host, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** Name that the server shows for the connections. */
  readonly applicationName?: string;
}

const SCHEME = /^postgres(ql)?:\/\//i;
const MODES: readonly string[] = ["disable", "require", "verify-ca", "verify-full"];
const ATTRIBUTES: readonly string[] = ["any", "read-write", "primary"];
const PARAMETERS = [
  "sslmode",
  "sslrootcert",
  "host",
  "port",
  "dbname",
  "user",
  "password",
  "application_name",
  "connect_timeout",
  "target_session_attrs",
];
const DEFAULT_PORT = 5432;
/** A host name, an IPv4 or an IPv6 address, or the path of a socket's directory. */
const HOST = /^(\/.*|[\p{L}\p{N}._:%-]+)$/u;

/**
 * Reads `postgres://user:password@host:port,host:port/name?parameter=…`. TLS settings that the URL leaves out are taken
 * from `tls`; without a user it is `defaultUser`. A host may be the directory of a Unix socket: `%2Frun%2Fpostgresql`,
 * or `?host=/run/postgresql`. Several hosts mean `target_session_attrs=read-write`, unless the URL says otherwise:
 * records are to be written.
 *
 * @throws {RangeError} If it is not valid. The message repeats no part of the URL that may belong to a password.
 */
export function parseDatabaseUrl(
  text: string,
  tls: { sslmode: SslMode; sslrootcert?: string },
  defaultUser = "postgres",
): DatabaseTarget {
  const { userinfo, address, name, parameters } = splitUrl(text);
  const unknown = [...parameters.keys()].find((key) => !PARAMETERS.includes(key));
  if (unknown !== undefined) {
    // A name may be the rest of a password with an unencoded "?".
    const shown = /^[a-z_]{1,40}$/.test(unknown) ? ` "${unknown}"` : " that is not known";
    throw new RangeError(`has the parameter${shown}, known are ${PARAMETERS.join(", ")}`);
  }
  const sslmode = oneOf(parameters, "sslmode", MODES) ?? tls.sslmode;
  const seconds = parameters.get("connect_timeout");
  if (seconds !== undefined && !/^\d{1,6}$/.test(seconds)) {
    throw new RangeError(`has connect_timeout "${seconds}", expected seconds as a whole number`);
  }
  const colon = userinfo.indexOf(":");
  const user = decode(colon < 0 ? userinfo : userinfo.slice(0, colon)) || parameters.get("user") || defaultUser;
  const hosts = parseHosts(address, parameters.get("host"), parameters.get("port"));
  return {
    hosts,
    sessionAttributes: (oneOf(parameters, "target_session_attrs", ATTRIBUTES) ??
      (hosts.length > 1 ? "read-write" : "any")) as SessionAttributes,
    database: parameters.get("dbname") || decode(name) || user,
    user,
    password: (colon < 0 ? "" : decode(userinfo.slice(colon + 1))) || parameters.get("password") || undefined,
    sslmode: sslmode as SslMode,
    sslrootcert: parameters.get("sslrootcert") ?? tls.sslrootcert,
    // As in libpq, 0 means no limit.
    connectTimeoutMs: seconds === undefined ? undefined : Number(seconds) * 1000,
    applicationName: parameters.get("application_name") || undefined,
  };
}

/** This machine: a socket, or an address of the loopback interface. */
const LOCAL = /^(\/|localhost$|127\.|::1$)/i;

/** Warns of a connection that others can read and change: not encrypted, to another machine. */
export function warnOfPlainText({ sslmode, hosts }: DatabaseTarget): string | undefined {
  const remote = sslmode === "disable" ? hosts.find(({ host }) => !LOCAL.test(host)) : undefined;
  if (remote === undefined) return undefined;
  return `The connection to ${formatHost(remote)} is not encrypted: sslmode is "disable", expected "verify-full". ` +
    'Set --sslmode verify-full, or "require" where the server has no certificate that can be verified';
}

/** Addresses and name of a database, for people. */
export function labelOf({ hosts, database }: Pick<DatabaseTarget, "hosts" | "database">): string {
  return `${hosts.map(formatHost).join(",")}/${database}`;
}

/** Addresses, name and user of a database, as a URL without a password. */
export function describeTarget({ hosts, database, user }: DatabaseTarget): string {
  return `postgres://${encodeURIComponent(user)}@${formatHosts(hosts)}/${encodeURIComponent(database)}`;
}

/** Addresses in the form of a URL. */
function formatHosts(hosts: readonly DatabaseHost[]): string {
  const format = (each: DatabaseHost) =>
    each.host.startsWith("/") ? `${encodeURIComponent(each.host)}:${each.port}` : formatHost(each);
  return hosts.map(format).join(",");
}

function formatHost({ host, port }: DatabaseHost): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Schemas of the server itself, of TimescaleDB, and those that Barline creates for readers and trials. */
const RESERVED = /^(pg_|information_schema$|_?timescaledb_|barline_(reader|chaos)_)/;
/** Longest name in PostgreSQL, in bytes; the rest of a longer one is cut off. */
const MOST_NAME_BYTES = 63;

/** The names that {@linkcode isSchemaName} accepts. */
export const SCHEMA_NAME_WANTED =
  "a name of 1 to 63 bytes without $, backslash and control characters, and none of the " +
  "server's (pg_…, information_schema), of TimescaleDB's or of barline_reader_… and barline_chaos_…";

/** Whether the tables may be in a schema of that name: any name of PostgreSQL within limits, in any case. */
export function isSchemaName(name: string): boolean {
  const length = new TextEncoder().encode(name).length;
  return length >= 1 && length <= MOST_NAME_BYTES && !RESERVED.test(name) && !/[$\\\p{Cc}\p{Cs}]/u.test(name);
}

/** The parts of a URL, still percent-encoded except for the parameters. */
function splitUrl(text: string) {
  if (!SCHEME.test(text)) throw new RangeError("is not a URL that starts with postgres://");
  const rest = text.replace(SCHEME, "");
  if (rest.includes("#")) throw new RangeError("has a #, which has to be written as %23");
  const [, authority, path = "", query = ""] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest)!;
  // The @ would follow a password whose "/" or "?" ends the host: none of it may pass for a host and a name.
  if (`${path}${query}`.includes("@")) {
    throw new RangeError(
      "has an @ behind the host: in user, password and name write / as %2F, ? as %3F, @ as %40",
    );
  }
  const at = authority.lastIndexOf("@");
  const parameters = new Map(
    query.split("&").filter(Boolean).map((pair): [string, string] => {
      const equals = pair.indexOf("=");
      return equals < 0 ? [decode(pair), ""] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
    }),
  );
  return { userinfo: authority.slice(0, Math.max(at, 0)), address: authority.slice(at + 1), name: path, parameters };
}

/** The hosts of an address as `a:1,[::1]:2,%2Frun`; those of the parameters are stronger, as in libpq. */
function parseHosts(address: string, host?: string, port?: string): DatabaseHost[] {
  const entries = address.split(",").map((entry) => {
    const found = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(entry);
    if (found === null) throw new RangeError("has a host that cannot be read: write an IPv6 address as [::1]");
    return { host: decode(found[1] ?? found[2]), port: found[3] ?? "" };
  });
  const hosts = host === undefined ? entries.map((entry) => entry.host) : host.split(",");
  const ports = port === undefined ? entries.map((entry) => entry.port) : port.split(",");
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new RangeError(`has ${hosts.length} hosts and ${ports.length} ports, expected one port, or one for each`);
  }
  return hosts.map((host, at) => {
    const shown = host === "" ? "localhost" : host;
    if (!HOST.test(shown)) throw new RangeError("has a host that is neither a name, nor an address, nor a path");
    return { host: shown, port: parsePort(ports[ports.length === 1 ? 0 : at]) };
  });
}

function parsePort(text: string): number {
  if (text === "") return DEFAULT_PORT;
  // The beginning of a password may follow a colon: only a number is repeated.
  if (!/^\d{1,10}$/.test(text)) throw new RangeError("has a port that is not a number, expected 1 to 65535");
  const port = Number(text);
  if (port < 1 || port > 65_535) throw new RangeError(`has port ${text}, expected 1 to 65535`);
  return port;
}

function oneOf(parameters: ReadonlyMap<string, string>, name: string, known: readonly string[]): string | undefined {
  const value = parameters.get(name);
  if (value === undefined || known.includes(value)) return value;
  throw new RangeError(`has ${name} ${JSON.stringify(value)}, expected ${known.join(", ")}`);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RangeError("has a % that begins no character: write % itself as %25");
  }
}

/** The URL that `POSTGRES_*` describe. `refuse` is called with each wrong variable, and the problem. */
export function urlFromVariables(
  read: (name: string) => string | undefined,
  refuse: (variable: string, message: string) => void,
): string {
  const user = read("POSTGRES_USER") || "postgres";
  let host = read("POSTGRES_HOST") || "localhost";
  let port = read("POSTGRES_PORT") || String(DEFAULT_PORT);
  if (!HOST.test(host)) {
    refuse(
      "POSTGRES_HOST",
      `current value is ${JSON.stringify(host)}, expected a host name, an address, or a path`,
    );
    host = "localhost";
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    refuse("POSTGRES_PORT", `current value is ${JSON.stringify(port)}, expected a number from 1 to 65535`);
    port = String(DEFAULT_PORT);
  }
  const address = host.startsWith("/") || !host.includes(":") ? encodeURIComponent(host) : `[${host}]`;
  const password = read("POSTGRES_PASSWORD");
  const credentials = [user, ...password ? [password] : []].map(encodeURIComponent).join(":");
  return `postgres://${credentials}@${address}:${port}/${encodeURIComponent(read("POSTGRES_DB") || user)}`;
}

/** Scheme, user, host, port and database of the URL, each parsed: no other part is safe to show. */
export function redactUrl(text: string): string {
  if (text === "embedded") return text;
  try {
    const target = parseDatabaseUrl(text, { sslmode: "disable" });
    const { hosts, database, user, password } = target;
    const credentials = `${encodeURIComponent(user)}${password === undefined ? "" : ":***"}`;
    return `postgres://${credentials}@${formatHosts(hosts)}/${encodeURIComponent(database)}`;
  } catch {
    return "(not shown)";
  }
}
