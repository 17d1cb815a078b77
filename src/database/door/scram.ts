/**
 * The server's side of SCRAM-SHA-256 (RFC 5802 and 7677), as in PostgreSQL: the password never leaves the client.
 *
 * @module
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

/** The name of the method. */
export const MECHANISM = "SCRAM-SHA-256";

/** Rounds of the derivation: PostgreSQL's own number. */
const ROUNDS = 4096;

/** The values kept instead of a password. */
export interface Verifier {
  readonly salt: Uint8Array;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

const hmac = (key: Uint8Array, text: string | Uint8Array) => createHmac("sha256", key).update(text).digest();

/** Derives the verifier of a password. */
export function createVerifier(password: string): Verifier {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.normalize("NFKC"), salt, ROUNDS, 32, "sha256");
  const storedKey = createHash("sha256").update(hmac(salted, "Client Key")).digest();
  return { salt, storedKey, serverKey: hmac(salted, "Server Key") };
}

/** One login. */
export interface Exchange {
  /** The server's first message, from the client's first; `undefined` if that is malformed. */
  begin(clientFirst: string): string | undefined;
  /** The server's last message, from the client's last; `undefined` if the password is wrong. */
  finish(clientLast: string): string | undefined;
}

/** Begins a login. */
export function createExchange({ salt, storedKey, serverKey }: Verifier): Exchange {
  let bare = "";
  let header = "";
  let nonce = "";
  let serverFirst = "";
  return {
    begin(clientFirst) {
      const found = /^([ny],[^,]*,)(n=[^,]*,r=([^,]+).*)$/s.exec(clientFirst);
      if (found === null) return undefined;
      [, header, bare] = found;
      nonce = found[3] + randomBytes(18).toString("base64");
      serverFirst = `r=${nonce},s=${btoa(String.fromCharCode(...salt))},i=${ROUNDS}`;
      return serverFirst;
    },
    finish(clientLast) {
      const found = /^(c=([^,]*),r=([^,]*)),p=([A-Za-z0-9+/=]+)$/.exec(clientLast);
      if (found === null || found[2] !== btoa(header) || found[3] !== nonce) return undefined;
      const [, withoutProof, , , proof] = found;
      const text = `${bare},${serverFirst},${withoutProof}`;
      const given = new Uint8Array(32);
      given.set(Uint8Array.from(atob(proof), (char) => char.charCodeAt(0)).subarray(0, 32));
      const signature = hmac(storedKey, text);
      const clientKey = given.map((byte, at) => byte ^ signature[at]);
      if (!timingSafeEqual(createHash("sha256").update(clientKey).digest(), storedKey)) return undefined;
      return `v=${hmac(serverKey, text).toString("base64")}`;
    },
  };
}
