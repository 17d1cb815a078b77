/**
 * The circuit breaker, which spares an unreachable sink.
 *
 * The circuit is **closed** in normal running. After a number of consecutive failures it **opens** and lets nothing
 * through until a cooldown has passed. Then it is **half-open**: exactly one caller goes through as a probe, and the
 * others keep waiting. A probe that succeeds closes the circuit and releases the waiting callers; one that fails opens
 * it again.
 *
 * @module
 */
import type { CircuitState } from "../events.ts";
import { createCondition } from "../condition.ts";

/** Options of {@linkcode createCircuit}. */
export interface CircuitOptions {
  /** Consecutive failures that open the circuit. */
  failures: number;
  /** Cooldown of a circuit that this error has opened, in milliseconds. */
  cooldownMs: (error: unknown) => number;
  /** Whether an error counts as a failure; others prove that the sink answers, and count as success. */
  isFailure: (error: unknown) => boolean;
  /** Called at each change of state, with the error behind it. */
  onChange?: (state: CircuitState, failures: number, error?: unknown) => void;
}

/** A circuit breaker around calls of one sink. */
export interface Circuit extends Disposable {
  readonly state: CircuitState;
  /** When the next probe may go through, in epoch milliseconds; `undefined` unless open. */
  readonly probeAt: number | undefined;
  /**
   * Waits until the circuit lets the call through, then calls `fn`.
   *
   * @throws The error of `fn`, or the signal's reason if it aborts while waiting.
   */
  call<T>(fn: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Opens the circuit at any count: the caller has found out in another way that the sink is unreachable. */
  trip(error: unknown): void;
  /** Ends the cooldown: the next caller is the probe. */
  probe(): void;
}

/** Creates a closed circuit. */
export function createCircuit(options: CircuitOptions): Circuit {
  let state: CircuitState = "closed";
  let failures = 0;
  let probeAt: number | undefined;
  let cooldown: ReturnType<typeof setTimeout> | undefined;
  let probing = false;
  const condition = createCondition();

  function change(next: CircuitState, error?: unknown): void {
    clearTimeout(cooldown);
    state = next;
    if (next === "open") {
      const ms = options.cooldownMs(error);
      probeAt = Date.now() + ms;
      cooldown = setTimeout(() => change("half-open"), ms);
    } else {
      probeAt = undefined;
      condition.notify();
    }
    options.onChange?.(state, failures, error);
  }

  /** Resolves with whether the caller is the probe. */
  async function admit(signal: AbortSignal): Promise<boolean> {
    while (true) {
      signal.throwIfAborted();
      if (state === "closed") return false;
      if (state === "half-open" && !probing) {
        probing = true;
        return true;
      }
      await condition.changed(signal);
    }
  }

  return {
    get state() {
      return state;
    },
    get probeAt() {
      return probeAt;
    },
    async call(fn, signal) {
      const isProbe = await admit(signal);
      const failed = (error: unknown) => {
        failures++;
        // Calls that were in flight when the circuit opened fail late; they must not lengthen the cooldown.
        if (isProbe || (state === "closed" && failures >= options.failures)) change("open", error);
      };
      const succeeded = () => {
        if (isProbe || state === "closed") failures = 0;
        if (isProbe) change("closed");
      };
      try {
        const result = await fn();
        succeeded();
        return result;
      } catch (error) {
        if (signal.aborted) {
          // The caller gave up, which says nothing about the sink; the next waiting caller is the probe.
          if (isProbe) change("half-open");
        } else if (options.isFailure(error)) failed(error);
        else succeeded();
        throw error;
      } finally {
        if (isProbe) probing = false;
      }
    },
    trip(error) {
      if (state === "closed") change("open", error);
    },
    probe() {
      if (state === "open") change("half-open");
    },
    [Symbol.dispose]() {
      clearTimeout(cooldown);
    },
  };
}
