/**
 * Opens the journal of a run, where it has one.
 *
 * @module
 */
import type { Settings } from "../config/options.ts";
import { tenantDirectory } from "../data_dir.ts";
import type { Listener } from "../events.ts";
import { createJournal, type Journal } from "../pipeline/journal.ts";
import type { LedgerKeeper } from "../pipeline/ledger.ts";
import type { Provider } from "../providers/provider.ts";
import { recordKinds } from "../records/mod.ts";
import type { MarketRecord, RecordKind } from "../records/record.ts";
import { journalDirectory, listSegments } from "./format.ts";
import { HeldError } from "./hold.ts";
import { type JournalLog, openLog } from "./log.ts";
import { describeMissing } from "./missing.ts";
import { listSetAside, takeBack } from "./set_aside.ts";

/** Options of {@linkcode openJournal}. */
export interface OpenJournalOptions {
  settings: Settings;
  providers: readonly Provider[];
  /** The kind of that name, of those that the run can write. */
  kind: (name: string) => RecordKind<MarketRecord>;
  ledger: LedgerKeeper;
  tell: Listener;
  abort: AbortSignal;
}

/** The journal of a run. */
export interface OpenedJournal extends AsyncDisposable {
  readonly journal: Journal;
  /** Names of the kinds of records that earlier runs have left in it, of those that this program knows. */
  readonly kinds: ReadonlySet<string>;
  /** Whether a provider's frames go through it. */
  holds(provider: Provider): boolean;
}

/** Whether a provider's frames go through the journal of a run with these settings. */
export function isJournaled({ journal }: Settings, { isLive, keepsUnsettled }: Provider): boolean {
  if (keepsUnsettled) return false;
  return journal === undefined ? isLive === true : journal !== "off";
}

/**
 * Opens the journal: for every provider that does not keep its records itself where a mode is given, else for live feeds
 * alone, in mode `overflow`. What an
 * earlier run has left is delivered whatever the sources and their kinds are, unless the journal is off or another process has it.
 *
 * @throws {Error} If another process has the journal that is wanted, or it cannot be written to.
 */
export async function openJournal(options: OpenJournalOptions): Promise<OpenedJournal | undefined> {
  const { settings, providers, tell } = options;
  const directory = journalDirectory(tenantDirectory(settings));
  const notice = (message: string) => tell({ type: "journal-notice", message });
  const holds = (provider: Provider) => isJournaled(settings, provider);
  const hasLeftovers = async () =>
    (await Promise.all([listSegments(directory), listSetAside(directory)]).catch(() => [])).flat().length > 0;
  if (settings.journal === "off") {
    if (await hasLeftovers()) {
      notice(`records of an earlier run lie in "${directory}", which --journal off leaves there`);
    }
    return undefined;
  }
  const held = providers.filter(holds);
  if (held.length === 0 && !await hasLeftovers()) return undefined;
  let log: JournalLog;
  try {
    log = await openLog({
      directory,
      maxBytes: settings.journalMaxBytes,
      notice,
      onLost: (count) => tell({ type: "journal-dropped", count, reason: "gone from the disk" }),
    });
  } catch (error) {
    if (held.length > 0 || !(error instanceof HeldError)) throw error;
    return undefined;
  }
  for (const { path, at, size, damage, done } of log.repairs) {
    notice(`${size} bytes at ${at} of "${path}" could not be read, as ${damage}: ${done}`);
  }
  for (const range of log.missing) {
    notice(`${describeMissing(range)} of "${directory}": deleted, cut or set aside`);
  }
  const takenBack = await takeBack(directory, log, notice);
  const { unreadRecords } = log.status;
  if (unreadRecords > 0) {
    tell({ type: "recovered", count: unreadRecords });
    notice(`delivering ${unreadRecords} records of an earlier run`);
  }
  const journal = createJournal({
    ...options,
    log,
    mode: settings.journal ?? "overflow",
    syncMs: settings.journalSyncMs,
    full: settings.journalFull,
    capacity: settings.capacity,
    // A source that keeps time does not wait either.
    sourcesCanWait: held.every(({ isLive, rate }) => !isLive && rate === undefined) && settings.rate === undefined,
  });
  const kinds = log.kinds.union(takenBack).intersection(new Set(Object.keys(recordKinds)));
  return { journal, kinds, holds, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() };
}
