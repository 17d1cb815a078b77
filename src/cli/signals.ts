/**
 * Signals: the first stops and drains, the second gives up.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { App } from "../app.ts";
import type { Reload } from "../http/start.ts";
import { describeError } from "../telemetry/log.ts";

/** Listening to SIGHUP; disposing of it ends that. */
export interface ReloadSignal extends Disposable {
  /** Reloads with this from now on, and at once where the signal has come before. */
  handTo(reload: Reload): void;
}

/**
 * Listens to SIGHUP, which would end the process otherwise, and reloads at it as soon as there is something to reload;
 * logs the result. Windows has no such signal.
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

/** Listening to signals; disposing of it ends that. */
export interface Signals extends Disposable {
  /** Whether a second signal came. */
  aborted(): boolean;
}

/** Stops the app at SIGINT and SIGTERM. */
export function stopOnSignals(app: Pick<App, "stop" | "abort">, say: (message: string) => void): Signals {
  let count = 0;
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const hear = () => {
    count++;
    if (count === 1) {
      say(
        "Stopping: writing what was accepted. A second signal gives up: the rest stays in the journal or goes to the dead letters",
      );
      app.stop();
    } else if (count === 2) {
      app.abort(new Error("stopped before it was written: second signal"));
    }
  };
  for (const signal of signals) Deno.addSignalListener(signal, hear);
  return {
    aborted: () => count > 1,
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, hear);
    },
  };
}
