/**
 * Pulls the messages of a stream by demand.
 *
 * @module
 */
import { delay } from "@std/async/delay";
import type { Consumer, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { createCondition } from "../../condition.ts";
import type { HeldMessages } from "./held.ts";

/** A message, and the kind of records by its subject. */
export interface Taken {
  readonly message: JsMsg;
  readonly kind: string;
}

/** Options of {@linkcode createIntake}. */
export interface IntakeOptions {
  kinds: readonly string[];
  open: (kind: string) => Promise<Consumer>;
  held: HeldMessages;
  /** Whether waiting may mend an error. */
  mayMend: (error: unknown) => boolean;
  /** Called when messages come, or with the reason why they do not. */
  onState: (state: "live" | "waiting", error?: unknown) => void;
  /** Ends the pulling. */
  stop: AbortSignal;
}

/** Number of waiting messages below which more are requested, and how many are requested then. */
const LOW = 16;
const FETCH = 32;
/** How long a request waits for messages, in milliseconds. */
const EXPIRES_MS = 5000;
/** Waits between attempts to reach the stream, in milliseconds. */
const RETRY_MS = { least: 200, most: 5000 };

/** The output of messages. */
export interface Intake {
  /** The next message; `undefined` after the stop. Throws errors that waiting cannot mend. */
  next(): Promise<Taken | undefined>;
}

/**
 * Pulls messages of each kind. Messages requested and not yet taken are bounded, so that a slow worker leaves the rest
 * to others; the server bounds those in flight to all of them together (`max_ack_pending`).
 */
export function createIntake(options: IntakeOptions): Intake {
  const { kinds, held, stop, onState } = options;
  const queue: Taken[] = [];
  const open = new Set<ConsumerMessages>();
  let failure: unknown;
  let pulling = kinds.length;
  /** Changes when messages come, are taken, or will no longer come. */
  const condition = createCondition();

  stop.addEventListener("abort", () => {
    for (const messages of open) messages.stop();
    // Without a reader here, other workers may take them at once.
    for (const { message } of queue.splice(0)) held.nak(message, 0);
    condition.notify();
  }, { once: true });

  async function room(): Promise<void> {
    while (queue.length > LOW && !stop.aborted) await condition.changed(stop);
  }

  async function pull(kind: string): Promise<void> {
    const consumer = await options.open(kind);
    onState("live");
    while (!stop.aborted) {
      const messages = await consumer.fetch({ max_messages: FETCH, expires: EXPIRES_MS });
      open.add(messages);
      if (stop.aborted) messages.stop();
      try {
        for await (const message of messages) {
          held.add(message);
          if (stop.aborted) held.nak(message, 0);
          else queue.push({ message, kind });
          condition.notify();
        }
      } finally {
        open.delete(messages);
      }
      await room();
    }
  }

  async function pullAlways(kind: string): Promise<void> {
    let waitMs = RETRY_MS.least;
    while (!stop.aborted) {
      const started = performance.now();
      try {
        await pull(kind);
      } catch (error) {
        if (stop.aborted) break;
        if (!options.mayMend(error)) {
          failure ??= error;
          break;
        }
        onState("waiting", error);
        if (performance.now() - started > RETRY_MS.most) waitMs = RETRY_MS.least;
        await delay(waitMs, { signal: stop }).catch(() => {});
        waitMs = Math.min(2 * waitMs, RETRY_MS.most);
      }
    }
    pulling--;
    condition.notify();
  }
  for (const kind of kinds) pullAlways(kind);

  return {
    async next() {
      while (true) {
        const taken = queue.shift();
        if (taken !== undefined) {
          if (queue.length === LOW) condition.notify();
          return taken;
        }
        if (failure !== undefined) throw failure;
        if (stop.aborted || pulling === 0) return undefined;
        await condition.changed();
      }
    },
  };
}
