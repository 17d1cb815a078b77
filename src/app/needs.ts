/**
 * The needs of a tenant's providers, which are met when it is opened. Providers with other needs require reopening the
 * tenant.
 *
 * @module
 */
import type { Settings } from "../config/options.ts";
import { canAllWait, isJournaled } from "./journals.ts";
import type { Provider } from "../providers/provider.ts";
import type { Writers } from "../sinks/sink.ts";

/** See the module's description. */
export interface Needs {
  /** The writers of the series. */
  readonly writers: Writers;
  /** Whether some provider's frames go through the journal. */
  readonly isJournaled: boolean;
  /** Whether the journal can block all of those. */
  readonly canAllWait: boolean;
  /** Whether some provider reads files, so that loads are recorded. */
  readonly readsFiles: boolean;
}

/** The needs of providers under these settings. */
export function needsOf(settings: Settings, providers: readonly Provider[]): Needs {
  const held = providers.filter((provider) => isJournaled(settings, provider));
  return {
    writers: writersOf(providers),
    isJournaled: held.length > 0,
    canAllWait: canAllWait(settings, held),
    readsFiles: providers.some(({ readsFiles }) => readsFiles),
  };
}

function writersOf(providers: readonly Provider[]): Writers {
  // Several workers share the messages of a stream, in any order.
  if (providers.some(({ keepsUnsettled }) => keepsUnsettled)) return "many";
  if (providers.some(({ isLive }) => isLive)) return "live";
  return providers.some(({ readsHistory }) => readsHistory) ? "history" : "alone";
}

/** Whether two needs are the same. */
export function isSameNeeds(one: Needs, other: Needs): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
