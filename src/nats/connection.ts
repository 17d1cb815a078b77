/**
 * A connection to NATS, which each sink, provider and command opens for itself.
 *
 * @module
 */
import { credsAuthenticator, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import type { ConnectionOptions } from "@nats-io/transport-node";
import { type NatsSettings, redactNatsUrl } from "../config/nats.ts";
import { connect } from "./transport.ts";

/** A lazily opened connection to NATS. */
export interface Nats extends AsyncDisposable {
  /** Addresses for people, without secrets. */
  readonly label: string;
  /** Whether it is connected now. */
  readonly isUp: boolean;
  /**
   * The connection, opened on first use, and again after a loss.
   *
   * @throws {Error} If no server answers, or all refuse this program. The next call tries again.
   */
  connect(): Promise<NatsConnection>;
}

/** Longest wait for a server's greeting, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;
/**
 * A connection that misses answers to this many pings, at this interval in milliseconds, is given up: networks may fail
 * silently.
 */
const PINGS = 2;
const PING_EVERY_MS = 4000;
/** Longest time that a farewell may take, in milliseconds. */
const FAREWELL_MS = 2000;

/** Describes the connection without opening it. `name` is its name at the server. */
export function openNats(settings: NatsSettings, name: string): Nats {
  let opening: Promise<NatsConnection> | undefined;
  let isUp = false;

  async function open(): Promise<NatsConnection> {
    const connection = await connect({
      ...target(settings),
      name,
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      reconnectJitter: 300,
      pingInterval: PING_EVERY_MS,
      maxPingOut: PINGS,
      noAsyncTraces: true,
    });
    isUp = true;
    follow(connection);
    return connection;
  }

  async function follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === "disconnect") isUp = false;
      else if (type === "reconnect") isUp = true;
    }
    // Closed by this program, or by a server that now refuses it.
    isUp = false;
    opening = undefined;
  }

  return {
    label: settings.natsUrl.map(redactNatsUrl).join(","),
    get isUp() {
      return isUp;
    },
    connect() {
      if (opening === undefined) {
        const attempt = opening = open();
        attempt.catch(() => opening = undefined);
      }
      return opening;
    },
    async [Symbol.asyncDispose]() {
      const connection = await opening?.catch(() => undefined);
      if (connection === undefined || connection.isClosed()) return;
      // The last messages, above all acknowledgements, have to arrive; an unreachable server does not delay the end.
      const timer = setTimeout(() => connection.close(), FAREWELL_MS);
      if (isUp) await connection.flush().catch(() => {});
      clearTimeout(timer);
      await connection.close();
    },
  };
}

/**
 * Resolves when a server answers.
 *
 * @throws {Error} If it is not connected; the reason of `signal` if that aborts.
 */
export async function checkNats(nats: Nats, signal: AbortSignal): Promise<void> {
  await unlessAborted(connectNow(nats).then((connection) => connection.flush()), signal);
}

/**
 * The current connection: the library would keep messages sent without one in memory, unbounded.
 *
 * @throws {Error} If it is not connected.
 */
export async function connectNow(nats: Nats): Promise<NatsConnection> {
  const connection = await nats.connect();
  if (!nats.isUp) throw new Error(`There is no connection to NATS at ${nats.label}`);
  return connection;
}

/** Waits for `work` until the signal aborts. A later result of `work` is ignored. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const given = Promise.withResolvers<never>();
  const abort = () => given.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  work.catch(() => {});
  try {
    return await Promise.race([work, given.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Servers, TLS and credentials. */
function target(settings: NatsSettings): ConnectionOptions {
  const urls = settings.natsUrl.map((url) => new URL(url));
  const { natsTlsCa: caFile, natsTlsCert: certFile, natsTlsKey: keyFile } = settings;
  const wantsTls = urls.some(({ protocol }) => protocol === "tls:") || (caFile ?? certFile ?? keyFile) !== undefined;
  return {
    servers: urls.map(({ host }) => host),
    ...(wantsTls ? { tls: { caFile, certFile, keyFile } } : {}),
    ...credentials(settings, urls),
  };
}

/** The first of: credentials, nkey, token, user and password; options are stronger than the address. */
function credentials(settings: NatsSettings, urls: readonly URL[]): ConnectionOptions {
  const { natsCreds, natsNkey, natsToken, natsUser, natsPassword } = settings;
  if (natsCreds !== undefined) return { authenticator: credsAuthenticator(read(natsCreds, "natsCreds")) };
  if (natsNkey !== undefined) return { authenticator: nkeyAuthenticator(seedOf(natsNkey)) };
  if (natsToken !== undefined) return { token: natsToken };
  if (natsUser !== undefined) return { user: natsUser, pass: natsPassword };
  const url = urls.find(({ username }) => username !== "");
  if (url === undefined) return {};
  const [user, pass] = [url.username, url.password].map(decodeURIComponent);
  // As in NATS, a name alone is a token.
  return url.password === "" && natsPassword === undefined ? { token: user } : { user, pass: natsPassword ?? pass };
}

const SEED = /^S[A-Z2-7]{57}$/;

/** The seed itself, or the seed in a file. */
function seedOf(nkey: string): Uint8Array {
  if (SEED.test(nkey)) return new TextEncoder().encode(nkey);
  const seed = new TextDecoder().decode(read(nkey, "natsNkey")).match(/^S[A-Z2-7]{57}$/m)?.[0];
  if (seed === undefined) {
    throw new Error("Cannot enter NATS: the file of natsNkey holds no seed, which begins with SU");
  }
  return new TextEncoder().encode(seed);
}

/** Reads a file of secrets, without its content in errors. */
function read(path: string, option: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    // An nkey that is neither a seed nor a path may be a mistyped seed.
    const shown = option === "natsNkey" ? "" : ` "${path}"`;
    throw new Error(`Cannot read the file${shown} of ${option}: ${(cause as Error).name}`, {
      cause: option === "natsNkey" ? undefined : cause,
    });
  }
}
