/**
 * Where the database is: from a URL, or from `POSTGRES_*` as containers name them.
 *
 * @module
 */

/** How the connection is encrypted, as libpq names it. */
export type SslMode = "disable" | "require" | "verify-ca" | "verify-full";

/** A PostgreSQL server, and how to enter. */
export interface DatabaseTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly sslmode: SslMode;
  /** Path of a PEM file. */
  readonly sslrootcert?: string;
  /** Longest wait for a connection, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** What the server calls the connections. */
  readonly applicationName?: string;
}

const SCHEME = /^postgres(ql)?:\/\//i;
const MODES: readonly string[] = ["disable", "require", "verify-ca", "verify-full"];

/**
 * Reads `postgres://user:password@host:port/name?sslmode=…&sslrootcert=…`. What the URL does not say of TLS is taken
 * from `tls`. A host that is a path, `?host=/run/postgresql`, is the directory of a Unix socket.
 *
 * @throws {RangeError} If it is none; the message does not repeat the URL, which may hold a password.
 */
export function parseDatabaseUrl(text: string, tls: { sslmode: SslMode; sslrootcert?: string }): DatabaseTarget {
  if (!SCHEME.test(text) || !URL.canParse(text)) throw new RangeError("is not a URL that starts with postgres://");
  const url = new URL(text);
  const known = ["sslmode", "sslrootcert", "host", "port", "user", "password", "application_name", "connect_timeout"];
  const unknown = [...url.searchParams.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw new RangeError(`has the parameter "${unknown}", known are ${known.join(", ")}`);
  const sslmode = url.searchParams.get("sslmode") ?? tls.sslmode;
  if (!MODES.includes(sslmode)) throw new RangeError(`has sslmode "${sslmode}", known are ${MODES.join(", ")}`);
  const seconds = url.searchParams.get("connect_timeout");
  if (seconds !== null && !/^\d{1,6}$/.test(seconds)) {
    throw new RangeError(`has connect_timeout "${seconds}", wanted are seconds, a whole number`);
  }
  const user = decode(url.username) || url.searchParams.get("user") || "postgres";
  return {
    host: url.searchParams.get("host") ?? (url.hostname.replace(/^\[(.*)\]$/, "$1") || "localhost"),
    port: Number(url.port || url.searchParams.get("port") || 5432),
    database: decode(url.pathname.slice(1)) || user,
    user,
    password: decode(url.password) || url.searchParams.get("password") || undefined,
    sslmode: sslmode as SslMode,
    sslrootcert: url.searchParams.get("sslrootcert") ?? tls.sslrootcert,
    // As libpq has it, 0 is no limit.
    connectTimeoutMs: seconds === null ? undefined : Number(seconds) * 1000,
    applicationName: url.searchParams.get("application_name") || undefined,
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RangeError("has a % that begins no character: write % itself as %25");
  }
}

const VARIABLES = ["POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"];
/** A host name, an IPv4 or an IPv6 address: nothing that would end the host's place in a URL. */
const HOST = /^[\p{L}\p{N}._:%-]+$/u;

/**
 * The URL that `POSTGRES_*` describe; `undefined` where none of them is set. `refuse` hears which variable is wrong, and
 * how.
 */
export function urlFromVariables(
  read: (name: string) => string | undefined,
  refuse: (variable: string, message: string) => void,
): string | undefined {
  if (!VARIABLES.some((name) => read(name))) return undefined;
  const user = read("POSTGRES_USER") || "postgres";
  const host = read("POSTGRES_HOST") || "localhost";
  const port = read("POSTGRES_PORT") || "5432";
  const url = new URL("postgres://localhost");
  if (host.startsWith("/")) url.searchParams.set("host", host);
  else if (HOST.test(host)) url.hostname = host.includes(":") ? `[${host}]` : host;
  else {refuse(
      "POSTGRES_HOST",
      `current value is ${JSON.stringify(host)}, wanted is a host name, an address, or a path`,
    );}
  if (/^\d{1,5}$/.test(port) && Number(port) < 65_536) url.port = port;
  else refuse("POSTGRES_PORT", `current value is ${JSON.stringify(port)}, wanted is a number from 1 to 65535`);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(read("POSTGRES_PASSWORD") ?? "");
  url.pathname = `/${encodeURIComponent(read("POSTGRES_DB") || user)}`;
  return url.href;
}

/** The URL with its password struck out. */
export function redactUrl(text: string): string {
  if (text === "embedded") return text;
  if (!SCHEME.test(text) || !URL.canParse(text)) return "(not shown)";
  const url = new URL(text);
  if (url.password !== "") url.password = "***";
  if (url.searchParams.has("password")) url.searchParams.set("password", "***");
  return url.href;
}
