/**
 * Checks of the providers for `barline doctor`: their history, which needs the same keys as the stream. The stream
 * itself is not tried: it would take the only connection of many plans from a running instance.
 *
 * @module
 */
import { inspectProviders } from "../../app/configured.ts";
import type { Config } from "../../config/load.ts";
import type { Provider } from "../../providers/provider.ts";
import { frameSize } from "../../records/frame.ts";
import { createReceiveClock } from "../../records/record.ts";

/** A configured provider, or its problem. */
export interface FoundProvider {
  readonly name: string;
  readonly provider?: Provider;
  readonly problem?: string;
}

const TIMEOUT_MS = 20_000;
const MINUTE_MS = 60_000;
/** Plans with delayed data may not read bars younger than a quarter of an hour. */
const AGE_MS = 30 * MINUTE_MS;

/** The providers of the configuration, or the problems of their settings. */
export function findProviders(config: Config): FoundProvider[] {
  const { providers, problems } = inspectProviders(config);
  const made = providers.flatMap((provider) => provider.members ?? [provider]);
  return [
    ...made.map((provider) => ({ name: provider.name, provider })),
    ...problems.map(({ key, message }) => ({
      name: config.settings.provider.join(", "),
      problem: `${key}: ${message}`,
    })),
  ];
}

/**
 * Reads a few minutes of history of the provider's symbols.
 *
 * @throws {Error} If that fails: a wrong key, a missing entitlement, no network.
 */
export async function checkHistory(provider: Provider): Promise<string> {
  if (provider.backfill === undefined) return "needs no key";
  const to = Math.floor((Date.now() - AGE_MS) / MINUTE_MS) * MINUTE_MS;
  const notices: string[] = [];
  const stop = AbortSignal.timeout(TIMEOUT_MS);
  const past = provider.backfill({ from: to - 5 * MINUTE_MS, to, restart: true });
  const stream = past.open({
    stop,
    clock: createReceiveClock(),
    pace: () => Promise.resolve(),
    warn: (message) => notices.push(message),
    emit() {},
    newest: () => Promise.resolve(new Map()),
  });
  const started = performance.now();
  let count = 0;
  for await (const frame of stream) {
    count += frame.columns.count;
    frame.ack("committed", frameSize(frame));
  }
  if (stop.aborted) {
    const words = notices.length > 0 ? `: ${notices.join("; ")}` : ", is the network up?";
    throw new Error(`no good answer within ${TIMEOUT_MS / 1000} s${words}`);
  }
  const { done, total } = past.progress!()!;
  if (done < total) throw new Error(notices.join("; "));
  return `history answers within ${(performance.now() - started).toFixed(0)} ms, ${count} bars`;
}
