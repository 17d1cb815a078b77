/**
 * The connection to NATS, which a sink, a provider or a command opens for itself.
 *
 * @module
 */
import { credsAuthenticator, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import type { ConnectionOptions } from "@nats-io/transport-node";
import { type NatsSettings, redactNatsUrl } from "../config/nats.ts";
import { connect } from "./transport.ts";

/** A way to NATS. */
export interface Nats extends AsyncDisposable {
  /** Addresses for people, without secrets. */
  readonly label: string;
  /** Whether there is a connection at the moment. */
  readonly isUp: boolean;
  /**
   * The connection, made when it is first asked for, and by itself again after it was lost.
   *
   * @throws {Error} If no server answers, or none lets this program in. The next call tries again.
   */
  connect(): Promise<NatsConnection>;
}

/** Longest wait for a server's greeting, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;
/** A connection without an answer to this many pings, one each so many milliseconds, is given up: networks lose silently. */
const PINGS = 2;
const PING_EVERY_MS = 4000;
/** Longest time that a farewell may take, in milliseconds. */
const FAREWELL_MS = 2000;

/** Describes the way; nothing is opened yet. `name` is the name of the connection at the server. */
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
    // Closed, by this program or by a server that no longer lets it in.
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
      // The last messages, acknowledgements above all, have to arrive; a server that is away does not delay the end.
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
 * @throws {Error} If there is no connection. When `signal` aborts, its reason.
 */
export async function checkNats(nats: Nats, signal: AbortSignal): Promise<void> {
  await unlessAborted(connectNow(nats).then((connection) => connection.flush()), signal);
}

/**
 * The current connection: messages that are sent without one would be kept in memory without a bound.
 *
 * @throws {Error} If it is not connected.
 */
export async function connectNow(nats: Nats): Promise<NatsConnection> {
  const connection = await nats.connect();
  if (!nats.isUp) throw new Error(`There is no connection to NATS at ${nats.label}`);
  return connection;
}

/** Waits for `work`, but no longer than until the signal. A later result of `work` is ignored. */
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

/** Servers, TLS and how to enter. */
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

/** The first of: credentials, nkey, token, user and password; the options win over the address. */
function credentials(settings: NatsSettings, urls: readonly URL[]): ConnectionOptions {
  const { natsCreds, natsNkey, natsToken, natsUser, natsPassword } = settings;
  if (natsCreds !== undefined) return { authenticator: credsAuthenticator(read(natsCreds, "natsCreds")) };
  if (natsNkey !== undefined) return { authenticator: nkeyAuthenticator(seedOf(natsNkey)) };
  if (natsToken !== undefined) return { token: natsToken };
  if (natsUser !== undefined) return { user: natsUser, pass: natsPassword };
  const url = urls.find(({ username }) => username !== "");
  if (url === undefined) return {};
  const [user, pass] = [url.username, url.password].map(decodeURIComponent);
  // As NATS has it, a name alone is a token.
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

/** Reads a file of secrets; its content is never in an error. */
function read(path: string, option: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    // An nkey that is neither a seed nor a path may be a seed with a mistake in it.
    const shown = option === "natsNkey" ? "" : ` "${path}"`;
    throw new Error(`Cannot read the file${shown} of ${option}: ${(cause as Error).name}`, {
      cause: option === "natsNkey" ? undefined : cause,
    });
  }
}
