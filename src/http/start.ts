/**
 * Serves a running app.
 *
 * @module
 */
import { getLogger } from "@logtape/logtape";
import type { App } from "../app.ts";
import type { Settings } from "../config/options.ts";
import type { Provider } from "../providers/provider.ts";
import { describeError } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { VERSION } from "../version.ts";
import { reportHealth } from "./health.ts";
import { serve } from "./server.ts";

/** How long an answer of the database is believed, in milliseconds: scrapes and probes must not load it. */
const CHECK_EVERY_MS = 1000;
/** Longest wait for the database's answer, in milliseconds. */
const CHECK_TIMEOUT_MS = 3000;

/**
 * Starts the HTTP interface; disposing of it stops it.
 *
 * @throws {Error} If the address cannot be had.
 */
export function startHttp(
  app: App,
  settings: Settings,
  providers: readonly Provider[],
  deadLettersWaiting: () => Promise<number>,
): AsyncDisposable {
  const health = app.health();
  const metrics = createMetrics({
    health: app.health,
    ledger: app.ledger,
    deadLettersWaiting,
    kinds: health.coordinators.map(({ kind }) => kind),
    workers: Math.max(...health.coordinators.map(({ workers }) => workers)),
    sink: "postgres",
    providers: providers.map(({ name }) => name),
  });
  app.listen(metrics.listen);
  const stopped = new AbortController();
  const checkDatabase = createDatabaseCheck(app, stopped.signal);
  const server = serve(settings.http, {
    metrics: metrics.render,
    health: async () => reportHealth(app.health(), await checkDatabase(), VERSION),
    async unready() {
      const { coordinators, providers, stopping } = app.health();
      const database = await checkDatabase();
      const reasons = database === undefined ? [] : [`database cannot be reached: ${database}`];
      for (const { kind, circuit } of coordinators) {
        if (circuit === "open") reasons.push(`circuit of ${kind} is ${circuit}`);
      }
      for (const { name, state } of providers) if (state === "failed") reasons.push(`provider ${name} has failed`);
      if (stopping) reasons.push("stopping");
      return reasons;
    },
  }, (url) => getLogger("barline").info("Serving {url}/metrics and {url}/health", { url }));
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await server.shutdown();
    },
  };
}

/** Makes a check that tells why the database cannot be reached, `undefined` when it can; `stop` ends one under way. */
function createDatabaseCheck(app: App, stop: AbortSignal): () => Promise<string | undefined> {
  let checkedAt = -Infinity;
  let last: Promise<string | undefined> = Promise.resolve(undefined);

  async function check(): Promise<string | undefined> {
    const timeout = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    try {
      const signal = AbortSignal.any([timeout, stop]);
      await app.database.check(signal);
    } catch (error) {
      return timeout.aborted ? `no answer within ${CHECK_TIMEOUT_MS} ms` : describeError(error);
    }
  }

  return () => {
    if (Date.now() - checkedAt >= CHECK_EVERY_MS) {
      checkedAt = Date.now();
      last = check();
    }
    return last;
  };
}
