/**
 * Finds out whether a quiet connection still lives.
 *
 * Alpaca's stream has no heartbeat that a program sees: at night nothing comes for hours, and a connection that a router
 * has forgotten looks the same. So a quiet server is asked something harmless. Its answer to the first question of a
 * connection proves that it answers at all; only from then on is a question without an answer the end.
 *
 * @module
 */

/** A watch over one connection. */
export interface QuietWatch {
  /** Call for each message. */
  heard(): void;
  /** Call for each answer to the question. */
  answered(): void;
  /** Ends the watch. */
  stop(): void;
}

/** Options of {@linkcode watchQuiet}. */
export interface QuietOptions {
  /** Silence after which the server is asked, and longest wait for the answer, in milliseconds. */
  quietMs: number;
  ask: () => void;
  /** Called when an answer is missing. */
  onDead: () => void;
}

/** Starts watching. */
export function watchQuiet({ quietMs, ask, onDead }: QuietOptions): QuietWatch {
  let hasHeard = true;
  let hasAnswered = false;
  let isAsked = false;
  const timer = setInterval(() => {
    if (hasHeard) {
      hasHeard = false;
      isAsked = false;
      return;
    }
    if (isAsked && hasAnswered) return onDead();
    isAsked = true;
    ask();
  }, quietMs);
  return {
    heard: () => void (hasHeard = true),
    answered: () => void (hasAnswered = true),
    stop: () => clearInterval(timer),
  };
}
