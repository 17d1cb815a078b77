/**
 * One tenant of a run: a separate pipeline with its providers, queues, lanes, circuits, journal, dead letters and
 * ledger. Tenants share only the store and connections to vendors: a failure of one does not affect the others.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import { openCoordinators, readCoordinators } from "./coordinators.ts";
import type { SourcesChange } from "./provider_changes.ts";
import { createSources } from "./sources.ts";
import { needsOf } from "./needs.ts";
import { raisedByRows, type ReceiveTimes } from "./receive_times.ts";
import type { Store } from "./store.ts";
import type { Config } from "../config/load.ts";
import type { Settings } from "../config/options.ts";
import type { DeadLetters } from "../dead_letters/write.ts";
import type { Listener } from "../events.ts";
import { openJournals } from "./journals.ts";
import { createLoading, timesOf } from "./loads.ts";
import { createDeadLetter } from "../pipeline/dead_letter.ts";
import type { Health } from "../pipeline/health.ts";
import { createLateness } from "../pipeline/late.ts";
import { createLedger, type Ledger } from "../pipeline/ledger.ts";
import { createQuorum, type QuorumReport } from "../pipeline/quorum.ts";
import { coordinateRates, type TokenBucket } from "../pipeline/rate.ts";
import { type Coordinator, run } from "../pipeline/run.ts";
import { rowName, type SharedConnections } from "../providers/mod.ts";
import type { Provider, ProviderContext } from "../providers/provider.ts";
import { recordKind } from "../records/mod.ts";
import { createReceiveClock, LOADED } from "../records/record.ts";
import { createBackpressureWebhook } from "../telemetry/backpressure_webhook.ts";

/**
 * State of a tenant:
 * - `opening`: its providers are not open yet: dead letters are replayed first, or the clock is not set;
 * - `running`: its providers are read, and may be replaced;
 * - `draining`: its providers are closed, and accepted records are being written;
 * - `ended`: its run is over.
 */
export type TenantState = "opening" | "running" | "draining" | "ended";

/** The end of a tenant's run. */
export interface TenantOutcome {
  readonly ledger: Ledger;
  /** The failure; `undefined` without one. */
  readonly failure?: unknown;
}

/** The parts that tenants share. */
export interface Shared {
  readonly store: Store;
  /** Connections to vendors. */
  readonly connections?: SharedConnections;
  /** @default {those of the wall clock alone} */
  readonly times?: ReceiveTimes;
  /** The command line, without secrets. @default {"barline"} */
  readonly command?: string;
}

/** Options of {@linkcode openTenant}. */
export interface TenantOptions {
  /** The tenant's own configuration: `settings.tenant` is its name. */
  readonly config: Config;
  readonly providers: readonly Provider[];
  /**
   * Opens none of the providers: {@linkcode Tenant.replace} opens those of its shards. The tenant can run without any.
   */
  readonly isShared?: boolean;
  readonly deadLetters: (emit: Listener) => DeadLetters;
  readonly listeners: readonly Listener[];
  /** Names of the kinds of records that the providers deliver. */
  readonly kinds: readonly string[];
  /** Runs before its providers are opened. */
  readonly begin?: (tenant: Tenant) => Promise<void>;
}

/** A tenant that is ready to run. */
export interface Tenant extends AsyncDisposable {
  readonly name: string;
  readonly config: Config;
  readonly state: TenantState;
  /** Aborts at a stop, which closes its providers. */
  readonly stopping: AbortSignal;
  readonly health: () => Health;
  readonly ledger: () => Ledger;
  /** Result of the comparison of two providers; absent where none are compared. */
  readonly quorum?: () => QuorumReport;
  /** The end of its run; `undefined` before. */
  readonly outcome: TenantOutcome | undefined;
  /** Adds a listener. */
  listen(listener: Listener): void;
  /** Calls all listeners. */
  readonly emit: Listener;
  /** The receive times of the process, if they are kept. */
  readonly times?: ReceiveTimes;
  /** Runs until the sources end, or a stop or abort is complete. */
  run(): Promise<TenantOutcome>;
  /** The current providers. */
  providers(): readonly Provider[];
  /** Pauses or resumes a provider; returns whether it exists. */
  pause(provider: string, paused: boolean): boolean;
  /** Replaces the providers during the run; see `Sources` in `sources.ts`. */
  replace(providers: readonly Provider[]): Promise<SourcesChange>;
  /** Closes the providers; accepted records are still written, within the drain timeout. */
  stop(): void;
  /** Aborts at once: unwritten records stay in the journal, or go to the dead letters. */
  abort(reason: Error): void;
  /** Ends the cooldown of open circuits: the next write is the probe. */
  probe(): void;
}

/**
 * Sets up the pipeline of a tenant: its journal, and sink, queue and lanes for each kind of records.
 *
 * @param before The ledger of the replaced tenant, which this one continues.
 * @throws {Error} If its journal cannot be opened.
 */
export async function openTenant(
  { store, connections, times, command = "barline" }: Shared,
  options: TenantOptions,
  before?: Ledger,
): Promise<Tenant> {
  const { settings } = options.config;
  const { tenant: name } = settings;
  await using opened = new AsyncDisposableStack();
  const stopping = new AbortController();
  const aborting = new AbortController();
  const listeners = [...options.listeners];
  const emit: Listener = (event) => {
    for (const listen of listeners) listen(event);
  };
  let failure: unknown;
  let outcome: TenantOutcome | undefined;

  const ledger = createLedger(before);
  const needs = needsOf(settings, options.providers);
  listeners.unshift(ledger.listen);

  function fail(error: unknown): void {
    if (failure === undefined) emit({ type: "fatal", error });
    failure ??= error;
    stopping.abort();
  }

  function giveUp(error: unknown): void {
    fail(error);
    aborting.abort(error);
  }

  const coordinators = new Map<string, Coordinator>();
  const journaled = await openJournals({
    settings,
    providers: options.providers,
    kinds: options.kinds,
    kind(name) {
      const coordinator = coordinators.get(name);
      if (coordinator === undefined) throw new RangeError(`no queue takes records of kind "${name}"`);
      return coordinator.delivery.kind;
    },
    ledger,
    emit,
    abort: aborting.signal,
    onStuck: giveUp,
  });
  if (journaled !== undefined) {
    opened.use(journaled);
    listeners.push(journaled.listen);
  }

  const clock = times?.clock ?? createReceiveClock();
  const loads = needs.readsFiles ? store.loads?.(name) : undefined;
  const loading = loads && createLoading({
    loads,
    command,
    clock,
    after: (receivedAt) => times?.after(receivedAt),
    abort: aborting.signal,
    isResumed: settings.resume,
    warn: (message) => emit({ type: "provider-notice", provider: LOADED, message }),
  });

  const deadLetter = createDeadLetter(options.deadLetters(emit), fail);
  const lateness = createLateness({ afterMs: settings.lateAfter * 1000, kind: recordKind });
  const opening = openCoordinators({
    settings,
    store,
    // Records of an earlier run are delivered, even if this one streams other kinds.
    kinds: [...new Set([...options.kinds, ...journaled?.kinds ?? []])],
    lateness,
    writers: needs.writers,
    onlyFiles: options.providers.length > 0 && options.providers.every(({ readsFiles }) => readsFiles),
    loads: loads?.book,
    emit,
    opened,
    deadLetter,
    spool: (kind) => journaled?.journals.get(kind)?.spool,
    stopping: stopping.signal,
    abort: aborting.signal,
    onFatal: giveUp,
  });
  for (const [kind, coordinator] of opening) coordinators.set(kind, coordinator);

  if (settings.feedbackUrl !== undefined) {
    const feedback = opened.use(createBackpressureWebhook({
      url: settings.feedbackUrl,
      queue: (kind) => ({ size: coordinators.get(kind)!.batcher.depth, capacity: settings.capacity }),
      emit,
    }));
    listeners.push(feedback.listen);
  }

  const [one, other] = settings.quorum.map(rowName);
  const quorum = other === undefined ? undefined : createQuorum({
    providers: [one, other],
    tolerance: settings.quorumTolerance,
    volumeTolerance: settings.quorumVolumeTolerance,
    emit,
  });

  const coverage = raisedByRows(store.coverage(name), times);
  const reads = store.reads?.(name);
  const contextOf = (provider: string, bucket: TokenBucket, stop: AbortSignal): ProviderContext => ({
    stop,
    ...timesOf(provider, loading, clock),
    // A stop ends the wait; the provider checks the signal itself.
    async pace(count) {
      if (provider === LOADED) await loading?.renew();
      await bucket.take(count, stop).catch(() => {});
    },
    warn: (message) => emit({ type: "provider-notice", provider, message }),
    emit,
    async newest(timeframe) {
      const bars = await store.newest({ tenant: name, provider, timeframe, isKept: needs.isJournaled, stop });
      for (const { receivedAt } of bars.values()) times?.after(receivedAt);
      return new Map(Array.from(bars, ([symbol, { ts }]) => [symbol, ts]));
    },
    // Not aborted by the stop: positions are saved after it.
    destination: store.destination && (() => store.destination!(name, aborting.signal)),
    coverage,
    reads,
    drained: journaled?.journals.get("bar")?.drained,
    connections,
    as: (other) => contextOf(other, bucket, stop),
  });
  const sources = createSources(options.isShared ? [] : options.providers, {
    staysOpen: options.isShared,
    rate: settings.rate,
    isJournaled: (provider) => journaled?.holds(provider) ?? false,
    lateness,
    context: contextOf,
    stopping: stopping.signal,
    emit,
  });
  listeners.push(sources.listen, coordinateRates(sources.paced, emit));

  const health = (): Health => ({
    coordinators: readCoordinators(coordinators, settings.capacity),
    providers: sources.health(),
    journal: journaled?.health(),
    stopping: stopping.signal.aborted,
    isDone: outcome !== undefined && outcome.failure === undefined,
  });

  async function runFlow(): Promise<TenantOutcome> {
    if (times !== undefined && !await times.ready(stopping.signal)) return end();
    await options.begin?.(tenant);
    await using drain = new AsyncDisposableStack();
    const startDrain = () => {
      // After a probe that fails for good, waiting is useless.
      tenant.probe();
      const seconds = settings.drainTimeout;
      const timer = setTimeout(
        () => aborting.abort(new Error(`stopped before it was written: drain timeout of ${seconds} s`)),
        seconds * 1000,
      );
      drain.defer(() => clearTimeout(timer));
    };
    // A stop after the end, while the parts are closed, has nothing to drain.
    drain.use(onAbort(stopping.signal, startDrain));
    await run({
      sources: sources.open(false),
      journaled: journaled && { journals: journaled.journals, sources: sources.open(true) },
      onIntake: sources.onIntake,
      coordinators,
      kind: recordKind,
      ledger,
      deadLetter,
      clock,
      emit,
      watch: quorum?.look,
      capacity: settings.capacity,
      limit: settings.limit ?? Infinity,
      onLimit: () => stopping.abort(),
      abort: aborting.signal,
    }).catch(fail);
    await sources.close().catch(fail);
    await loading?.finish(ledger.read());
    return end();
  }

  function end(): TenantOutcome {
    // Another member has replaced a failed one of a group.
    const failedProvider = sources.health().find(({ state, group }) => state === "failed" && group === undefined);
    const counts = ledger.read();
    return outcome = { ledger: counts, failure: failure ?? failedProvider?.error ?? explainDrops(counts, settings) };
  }

  const closing = opened.move();
  const tenant: Tenant = {
    name,
    config: options.config,
    get outcome() {
      return outcome;
    },
    get state() {
      if (outcome !== undefined) return "ended";
      return stopping.signal.aborted ? "draining" : sources.state;
    },
    quorum: quorum?.report,
    stopping: stopping.signal,
    health,
    ledger: ledger.read,
    listen: (listener) => void listeners.push(listener),
    emit,
    times,
    run: runFlow,
    stop: () => stopping.abort(),
    abort(reason) {
      stopping.abort();
      aborting.abort(reason);
    },
    pause: sources.pause,
    providers: sources.current,
    replace: sources.replace,
    probe() {
      for (const { delivery } of coordinators.values()) delivery.circuit.probe();
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
  return tenant;
}

/** The failure of a run that dropped journaled records without being asked to. */
function explainDrops({ dropped = 0 }: Ledger, { journalFull }: Settings): Error | undefined {
  if (dropped === 0 || journalFull === "drop-oldest") return undefined;
  return new Error(
    `Cannot deliver ${dropped} records of the journal: the log names the files that hold them, or says that they are gone`,
  );
}
