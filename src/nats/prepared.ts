/**
 * Prepares the stream in NATS at the first connection, which may come long after the start.
 *
 * @module
 */
import type { NatsSettings } from "../config/nats.ts";
import { type Nats, openNats } from "./connection.ts";
import { adviseOnNatsError, classifyNatsError, NatsError } from "./faults.ts";
import { ensureStream, expectedStream, manageStreams } from "./stream.ts";

/**
 * Connects and creates a missing stream; or, if NATS is unreachable and `mayWait` allows it, before the first
 * connection. `mayWait` is called with the reason.
 *
 * @throws {NatsError} If it cannot be used.
 */
export async function openPreparedNats(
  settings: NatsSettings,
  name: string,
  mayWait: (error: Error) => boolean,
): Promise<Nats> {
  const nats = openNats(settings, name);
  let preparing: Promise<void> | undefined;
  async function prepare(): Promise<void> {
    await ensureStream(await manageStreams(nats), expectedStream(settings));
  }
  const prepareOnce = () => {
    if (preparing === undefined) {
      const attempt = preparing = prepare();
      attempt.catch(() => preparing = undefined);
    }
    return preparing;
  };
  try {
    await prepareOnce();
  } catch (error) {
    if (classifyNatsError(error) !== "transient" || !mayWait(error as Error)) {
      await nats[Symbol.asyncDispose]();
      throw explainNatsError(nats.label, error);
    }
  }
  return {
    label: nats.label,
    get isUp() {
      return nats.isUp;
    },
    async connect() {
      await prepareOnce();
      return await nats.connect();
    },
    [Symbol.asyncDispose]: () => nats[Symbol.asyncDispose](),
  };
}

/** An error of NATS with its address, and advice. */
export function explainNatsError(label: string, error: unknown): NatsError {
  const { message } = error as Error;
  const advice = adviseOnNatsError(error);
  return new NatsError(`Cannot use NATS at ${label}: ${message}${advice === "" ? "" : `. ${advice}`}`, {
    cause: error,
  });
}
