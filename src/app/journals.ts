/**
 * Opens the journals of a run, if it has any.
 *
 * @module
 */
import type { Settings } from "../config/options.ts";
import { tenantDirectory } from "../storage/data_dir.ts";
import { type Listener, on } from "../events.ts";
import { joinJournals, type JournalHealth } from "../pipeline/health.ts";
import { createJournal, type Journal } from "../pipeline/journal.ts";
import type { LedgerKeeper } from "../pipeline/ledger.ts";
import type { Provider } from "../providers/provider.ts";
import { recordKinds } from "../records/mod.ts";
import type { RecordKind } from "../records/kind.ts";
import { journalDirectory, listJournals, listSegments } from "../journal/format.ts";
import { HeldError } from "../journal/hold.ts";
import { type JournalLog, openLog } from "../journal/log.ts";
import { describeMissing } from "../journal/missing.ts";
import { listSetAside } from "../journal/set_aside.ts";
import { takeBack } from "../journal/take_back.ts";

/** Options of {@linkcode openJournals}. */
export interface OpenJournalsOptions {
  settings: Settings;
  providers: readonly Provider[];
  /** Names of the kinds that the run streams. */
  kinds: readonly string[];
  /** The kind with the name, if the run can write it. */
  kind: (name: string) => RecordKind;
  ledger: LedgerKeeper;
  emit: Listener;
  abort: AbortSignal;
  /** Called with the fault when a journal is full while the sink refuses everything; expected to abort. */
  onStuck: (fault: unknown) => void;
}

/** The journals of a run, one for each kind of records. */
export interface OpenedJournals extends AsyncDisposable {
  readonly journals: ReadonlyMap<string, Journal>;
  /** Names of the known kinds of records that earlier runs have left. */
  readonly kinds: ReadonlySet<string>;
  /** Whether a provider's frames go through them. */
  holds(provider: Provider): boolean;
  /** Listens to the circuits, and to given-up records. */
  readonly listen: Listener;
  health(): JournalHealth;
}

/** Whether a provider's frames go through the journal of a run with these settings. */
export function isJournaled({ journal }: Settings, { isLive, keepsUnsettled }: Provider): boolean {
  if (keepsUnsettled) return false;
  return journal === undefined ? isLive === true : journal !== "off";
}

/**
 * Whether a journal can block all providers whose frames go through it. A source that keeps time does not wait either.
 */
export function canAllWait(settings: Settings, held: readonly Provider[]): boolean {
  return held.every(({ isLive, rate }) => !isLive && rate === undefined) && settings.rate === undefined;
}

/**
 * Opens the journals: with a configured mode for every provider that does not keep its records itself, otherwise only
 * for live feeds, in mode `overflow`. Records of an earlier run are delivered for all providers and kinds, unless the
 * journal is off or another process has it open. The streamed kinds share `journalMaxBytes` in equal parts.
 *
 * @throws {Error} If another process has a journal that is needed, or it cannot be written to.
 */
export async function openJournals(options: OpenJournalsOptions): Promise<OpenedJournals | undefined> {
  const { settings, providers, emit } = options;
  const dataDir = tenantDirectory(settings);
  const warn = (message: string) => emit({ type: "journal-notice", message });
  const holds = (provider: Provider) => isJournaled(settings, provider);
  const leftovers = await findLeftovers(dataDir);
  if (settings.journal === "off") {
    for (const directory of leftovers.values()) {
      warn(`Records of an earlier run lie in "${directory}", which --journal off leaves there`);
    }
    return undefined;
  }
  const held = providers.filter(holds);
  const streamed = held.length > 0 ? options.kinds : [];
  await using opened = new AsyncDisposableStack();
  const journals = new Map<string, Journal>();
  const kinds = new Set<string>();
  for (const name of new Set([...streamed, ...leftovers.keys()])) {
    const directory = journalDirectory(dataDir, name);
    let log: JournalLog;
    try {
      log = opened.use(
        await openLog({
          directory,
          maxBytes: settings.journalMaxBytes / Math.max(1, streamed.length),
          warn,
          onLost: (count) => emit({ type: "journal-dropped", count, reason: "gone from the disk" }),
        }),
      );
    } catch (error) {
      if (streamed.includes(name) || !(error instanceof HeldError)) throw error;
      continue;
    }
    for (const kind of [...log.kinds, ...await takeBack(directory, log, warn)]) kinds.add(kind);
    emitFindings(log, directory, options);
    const journal = createJournal({
      ...options,
      log,
      mode: settings.journal ?? "overflow",
      syncMs: settings.journalSyncMs,
      full: settings.journalFull,
      capacity: settings.capacity,
      sourcesCanWait: canAllWait(settings, held),
    });
    journals.set(name, journal);
  }
  if (journals.size === 0) return undefined;
  const closing = opened.move();
  return {
    journals,
    kinds: kinds.intersection(new Set(Object.keys(recordKinds))),
    holds,
    listen: on({
      "circuit": (event) => journals.get(event.kind)?.listen(event),
      "journal-dropped": (event) => journals.values().forEach((journal) => journal.listen(event)),
    }),
    health: () => joinJournals(Array.from(journals.values(), (journal) => journal.health()))!,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** The directories in which earlier runs have left entries, by kind. */
async function findLeftovers(dataDir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const [kind, directory] of await listJournals(dataDir).catch(() => [])) {
    const paths = await Promise.all([listSegments(directory), listSetAside(directory)]).catch(() => []);
    if (paths.flat().length > 0) found.set(kind, directory);
  }
  return found;
}

/** Warns of all findings at the opening of a log. */
function emitFindings(log: JournalLog, directory: string, { emit }: OpenJournalsOptions): void {
  const warn = (message: string) => emit({ type: "journal-notice", message });
  for (const { path, at, size, damage, done } of log.repairs) {
    warn(`${size} bytes at ${at} of "${path}" could not be read, as ${damage}: ${done}`);
  }
  for (const range of log.missing) {
    warn(`${describeMissing(range)} of "${directory}": deleted, cut or set aside`);
  }
  const { unreadRecords } = log.status;
  if (unreadRecords === 0) return;
  emit({ type: "recovered", count: unreadRecords });
  warn(`Delivering ${unreadRecords} records of an earlier run`);
}
