/**
 * The messages that this worker has not answered yet.
 *
 * @module
 */
import type { JsMsg } from "@nats-io/jetstream";

/** Messages to answer. */
export interface HeldMessages extends Disposable {
  readonly size: number;
  add(message: JsMsg): void;
  /** The message is stored, and need not come again. */
  ack(message: JsMsg): void;
  /** The message can never be stored, and is kept elsewhere. */
  term(message: JsMsg): void;
  /** The message has to come again, here or to another worker, after a while. */
  nak(message: JsMsg, delayMs: number): void;
  /** Returns all messages at once. */
  nakAll(): void;
}

/** Signs of life within the time after which the server delivers a message to another worker. */
const SIGNS = 3;

/**
 * Holds messages, and reports to the server that they are in progress: a write may be slow, and a message may wait for
 * others.
 */
export function holdMessages(ackWaitMs: number): HeldMessages {
  const held = new Set<JsMsg>();
  const timer = setInterval(() => {
    for (const message of held) answer(() => message.working());
  }, ackWaitMs / SIGNS);

  function release(message: JsMsg, how: () => void): void {
    held.delete(message);
    answer(how);
  }

  return {
    get size() {
      return held.size;
    },
    add: (message) => void held.add(message),
    ack: (message) => release(message, () => message.ack()),
    term: (message) => release(message, () => message.term()),
    nak: (message, delayMs) => release(message, () => message.nak(delayMs)),
    nakAll() {
      for (const message of [...held]) release(message, () => message.nak());
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** A failed answer does no harm: the message comes again, which changes nothing. */
function answer(send: () => void): void {
  try {
    send();
  } catch {
    // The connection is closed.
  }
}
