/**
 * What an error of NATS means for a write.
 *
 * @module
 */
import { errors } from "@nats-io/transport-node";
import { JetStreamApiError } from "@nats-io/jetstream";
import type { Fault } from "../events.ts";

/** NATS cannot be used; the message says what to do about it. */
export class NatsError extends Error {
  override name = "NatsError";
}

/** A record that no message can hold. */
export class TooLargeError extends Error {
  override name = "TooLargeError";
}

/** `err_code` of the server for a message that is larger than the stream allows (nats-server, `errors.json`). */
const MESSAGE_TOO_LARGE = 10054;

/**
 * An error of publishing: refused for its size, poison; what waiting cannot mend (rights, a wrong key, an authority that
 * is not believed, a defect of this program), fatal; else transient, also a stream that is full or has no leader.
 */
export function classifyNatsError(error: unknown): Fault {
  if (error instanceof TooLargeError) return "poison";
  if (error instanceof JetStreamApiError) {
    if (error.code === MESSAGE_TOO_LARGE) return "poison";
    return error.status >= 500 ? "transient" : "fatal";
  }
  return FATAL.some((type) => error instanceof type) || isCertificateError(error) ? "fatal" : "transient";
}

const FATAL = [
  errors.AuthorizationError,
  errors.UserAuthenticationExpiredError,
  errors.PermissionViolationError,
  errors.InvalidArgumentError,
  errors.InvalidSubjectError,
  TypeError,
  RangeError,
  ReferenceError,
];

function isCertificateError(error: unknown): boolean {
  const { message, code, cause } = error as { message?: unknown; code?: unknown; cause?: unknown };
  return typeof code === "string" && /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY))/.test(code) ||
    typeof message === "string" && /invalid peer certificate|certificate|doesn't exist/i.test(message) ||
    cause instanceof Error && isCertificateError(cause);
}

/** What to do about an error, as a sentence to add to it; empty where nothing is known. */
export function adviseOnNatsError(error: unknown): string {
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return "Check user and password, token, nkey or credentials (NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_NKEY, NATS_CREDS).";
  }
  if (error instanceof errors.PermissionViolationError) {
    return `Grant the user the right to ${
      error.operation === "publish" ? "publish to" : "subscribe to"
    } ${error.subject}.`;
  }
  if (isCertificateError(error)) return "Name the authority that vouches for the server: --nats-tls-ca PATH.";
  if (/refused/i.test((error as Error).message ?? "")) return "Start nats-server, or correct --nats-url.";
  return "";
}
