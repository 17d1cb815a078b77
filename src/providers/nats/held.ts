/**
 * The messages that this worker has and has not answered yet.
 *
 * @module
 */
import type { JsMsg } from "@nats-io/jetstream";

/** Messages to answer. */
export interface HeldMessages extends Disposable {
  readonly size: number;
  add(message: JsMsg): void;
  /** It is stored: it need not come again. */
  ack(message: JsMsg): void;
  /** It can never be stored, and is kept elsewhere. */
  term(message: JsMsg): void;
  /** It is to come again, here or to another worker, after a while. */
  nak(message: JsMsg, delayMs: number): void;
  /** Gives back all of them at once. */
  nakAll(): void;
}

/** Signs of life within the time after which the server gives a message to another worker. */
const SIGNS = 3;

/**
 * Holds messages, and keeps the server informed that they are in progress: a write may be slow, and a message may wait
 * for others.
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

/** An answer that cannot be sent is as good as none: the message comes again, which changes nothing. */
function answer(send: () => void): void {
  try {
    send();
  } catch {
    // The connection is closed.
  }
}
