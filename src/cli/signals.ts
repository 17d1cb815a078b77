/**
 * Handles signals: the first stops and drains, the second aborts.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { App } from "../app/app.ts";
import type { Reload } from "../http/start.ts";
import { describeError } from "../telemetry/log.ts";
import { onStops } from "./early_signals.ts";
import { codeOfSignal } from "./exit.ts";

/** A listener for SIGHUP; disposing of it ends that. */
export interface ReloadSignal extends Disposable {
  /** Uses this function to reload from now on, and at once if the signal has come before. */
  handTo(reload: Reload): void;
}

/**
 * Listens to SIGHUP, which would otherwise end the process, reloads once that is possible, and logs the result. Windows
 * has no such signal.
 */
export function reloadOnSignal(): ReloadSignal {
  const log = getLogger("barline");
  let reload: Reload | undefined;
  let isDue = false;
  const hear = () => {
    isDue = reload === undefined;
    reload?.().then(
      (report) => log.info("Reloaded: {report}", { report: JSON.stringify(report) }),
      (error) => log.error("Nothing was reloaded: {error}", { error: describeError(error) }),
    );
  };
  const hasSignal = Deno.build.os !== "windows";
  if (hasSignal) Deno.addSignalListener("SIGHUP", hear);
  return {
    handTo(given) {
      reload = given;
      if (isDue) hear();
    },
    [Symbol.dispose]() {
      if (hasSignal) Deno.removeSignalListener("SIGHUP", hear);
    },
  };
}

/** A listener for signals; disposing of it ends that. */
export interface Signals extends Disposable {
  /** The received signals, in order. */
  received(): readonly Deno.Signal[];
}

/** The line of the log for a signal before a run is open. */
export const stoppedEarly = (signal: Deno.Signal) => ["Stopped by {signal} before the run began", { signal }] as const;

/**
 * Ends the process at a signal before a run is open, as the signal itself would, after `tell` has reported it. It does
 * not wait for the start, as no record was accepted yet.
 */
export function endOnEarlySignals(tell: (signal: Deno.Signal) => void): Disposable {
  return onStops((signal) => {
    tell(signal);
    Deno.exit(codeOfSignal(signal));
  });
}

/** Stops the app at SIGINT and SIGTERM. */
export function stopOnSignals(app: Pick<App, "stop" | "abort">, say: (message: string) => void): Signals {
  const received: Deno.Signal[] = [];
  const hear = (signal: Deno.Signal) => {
    received.push(signal);
    if (received.length === 1) {
      say(
        "Stopping: writing accepted records. A second signal gives up: the rest stays in the journal or goes to the dead letters",
      );
      app.stop();
    } else if (received.length === 2) {
      app.abort(new Error("stopped before it was written: second signal"));
    }
  };
  return { received: () => received, ...onStops(hear) };
}
