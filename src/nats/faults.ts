/**
 * The meaning of errors of NATS for a write.
 *
 * @module
 */
import { errors } from "@nats-io/transport-node";
import { JetStreamApiError } from "@nats-io/jetstream";
import type { Fault } from "../events.ts";

/** NATS cannot be used; the message has advice. */
export class NatsError extends Error {
  override name = "NatsError";
}

/** A record that does not fit into a message. */
export class TooLargeError extends Error {
  override name = "TooLargeError";
}

/** `err_code` of the server for a message that is larger than the stream allows (nats-server, `errors.json`). */
const MESSAGE_TOO_LARGE = 10054;

/** Errors that waiting cannot mend: rights, a wrong key, a defect of this program. */
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

/**
 * Classifies an error of publishing: a refusal for its size is poison; an error that waiting cannot mend is fatal, as
 * is an untrusted certificate; all others are transient, also a full stream, or one without a leader.
 */
export function classifyNatsError(error: unknown): Fault {
  if (error instanceof TooLargeError) return "poison";
  if (error instanceof JetStreamApiError) {
    if (error.code === MESSAGE_TOO_LARGE) return "poison";
    return error.status >= 500 ? "transient" : "fatal";
  }
  const isFatal = chainOf(error).some((each) =>
    FATAL.some((type) => each instanceof type) || isAboutCertificates(each)
  );
  return isFatal ? "fatal" : "transient";
}

/** An error and its causes. */
function chainOf(error: unknown): Error[] {
  return error instanceof Error ? [error, ...chainOf(error.cause)] : [];
}

/** Whether a certificate is untrusted or missing. */
function isAboutCertificates(error: Error): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY))/.test(code) ||
    /certificate|doesn't exist/i.test(error.message);
}

/** Advice about an error, as a sentence to append; empty without advice. */
export function adviseOnNatsError(error: unknown): string {
  const chain = chainOf(error);
  const refusal = chain.find((each) => each instanceof errors.PermissionViolationError);
  if (refusal !== undefined) {
    return `Grant the user the right to ${
      refusal.operation === "publish" ? "publish" : "subscribe"
    } to ${refusal.subject}.`;
  }
  const isUnknown = (each: Error) =>
    each instanceof errors.AuthorizationError || each instanceof errors.UserAuthenticationExpiredError;
  if (chain.some(isUnknown)) {
    return "Check user and password, token, nkey or credentials (NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_NKEY, " +
      "NATS_CREDS).";
  }
  if (chain.some(isAboutCertificates)) return "Name the authority that vouches for the server: --nats-tls-ca PATH.";
  if (chain.some(({ message }) => /refused/i.test(message))) return "Start nats-server, or correct --nats-url.";
  return "";
}
