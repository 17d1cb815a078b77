/**
 * The beginning of a connection: no encryption, the password if one is set, and the client's settings.
 *
 * @module
 */
import { DoorError } from "./error.ts";
import { encode, type Inbox, readTexts } from "./messages.ts";
import { createExchange, MECHANISM, type Verifier } from "./scram.ts";

/** A client that may start its session. */
export interface Greeting {
  /** Settings of its session. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Options of {@linkcode greet}. */
export interface GreetOptions {
  readonly inbox: Inbox;
  readonly send: (bytes: Uint8Array) => Promise<void>;
  readonly verifier?: Verifier;
  readonly onCancel: (id: number, key: number) => void;
}

/** Codes in place of a version. */
const CODES = { cancel: 80_877_102, ssl: 80_877_103, gss: 80_877_104, version3: 3 } as const;
/** Longest time until a client has logged in, in milliseconds. */
const LOGIN_MS = 10_000;
/** Delay after a wrong password, in milliseconds. */
const WRONG_MS = 1000;

/** Settings of a connection that are not the server's. */
const OURS = new Set(["user", "database", "options", "replication"]);

/**
 * Greets a client; `undefined` if it asked for something other than a session, or has left.
 *
 * @throws {DoorError} If the password is wrong, or the client speaks another protocol.
 */
export async function greet(options: GreetOptions): Promise<Greeting | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DoorError("08006", "The login took too long", "FATAL")), LOGIN_MS);
  });
  try {
    return await Promise.race([greetSlowly(options), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function greetSlowly({ inbox, send, verifier, onCancel }: GreetOptions): Promise<Greeting | undefined> {
  while (true) {
    const first = await inbox.next(true);
    if (first === undefined) return undefined;
    const view = new DataView(first.body.buffer, first.body.byteOffset, first.body.byteLength);
    const code = view.byteLength < 4 ? 0 : view.getInt32(0);
    if (code === CODES.ssl || code === CODES.gss) {
      await send(new TextEncoder().encode("N"));
    } else if (code === CODES.cancel && view.byteLength >= 12) {
      onCancel(view.getInt32(4), view.getInt32(8));
      return undefined;
    } else if (code >> 16 === CODES.version3) {
      // A newer minor version is answered with the supported one.
      if ((code & 0xffff) !== 0) await send(encode("v", { int32: 3 << 16 }, { int32: 0 }));
      const texts = readTexts(first.body, Infinity, 4);
      const given = new Map<string, string>();
      for (let at = 0; at + 1 < texts.length; at += 2) given.set(texts[at], texts[at + 1]);
      if (given.has("replication")) throw new DoorError("0A000", "There is no replication from here", "FATAL");
      if (verifier !== undefined) await login(inbox, send, verifier);
      await send(encode("R", { int32: 0 }));
      return { settings: settingsOf(given) };
    } else throw new DoorError("08P01", "The protocol is not that of PostgreSQL, version 3", "FATAL");
  }
}

/** Settings of the first message, and those of `options`, as `-c name=value`. */
function settingsOf(given: ReadonlyMap<string, string>): Map<string, string> {
  const settings = new Map<string, string>();
  const text = given.get("options") ?? "";
  for (const [, name, value] of text.matchAll(/(?:-c\s*|--)([A-Za-z0-9_.-]+)=((?:\\.|\S)*)/g)) {
    settings.set(name.replaceAll("-", "_"), value.replace(/\\(.)/g, "$1"));
  }
  for (const [name, value] of given) {
    // Parameters of libpq itself have this prefix.
    if (!OURS.has(name) && !name.startsWith("_pq_.")) settings.set(name, value);
  }
  for (const name of ["role", "session_authorization"]) settings.delete(name);
  return settings;
}

async function login(inbox: Inbox, send: GreetOptions["send"], verifier: Verifier): Promise<void> {
  const decoder = new TextDecoder();
  const exchange = createExchange(verifier);
  await send(encode("R", { int32: 10 }, MECHANISM, new Uint8Array(1)));
  const initial = await inbox.next();
  const [mechanism] = readTexts(initial?.body ?? new Uint8Array(), 1);
  const clientFirst = initial?.body.subarray(new TextEncoder().encode(mechanism ?? "").length + 5);
  const serverFirst = initial?.type === "p" && mechanism === MECHANISM
    ? exchange.begin(decoder.decode(clientFirst))
    : undefined;
  if (serverFirst === undefined) {
    throw new DoorError("08P01", `The login cannot be read, expected ${MECHANISM}`, "FATAL");
  }
  await send(encode("R", { int32: 11 }, new TextEncoder().encode(serverFirst)));
  const last = await inbox.next();
  const serverLast = last?.type === "p" ? exchange.finish(decoder.decode(last.body)) : undefined;
  if (serverLast === undefined) {
    await new Promise((resolve) => setTimeout(resolve, WRONG_MS));
    throw new DoorError("28P01", "password authentication failed: see BARLINE_EMBEDDED_PASSWORD", "FATAL");
  }
  await send(encode("R", { int32: 12 }, new TextEncoder().encode(serverLast)));
}
