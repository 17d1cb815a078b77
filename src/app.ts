/**
 * The composition root: opens the parts, wires them, runs the flow, and closes everything in reverse order.
 *
 * @module
 */
import type { Config } from "./config/load.ts";
import { type Database, withClient } from "./database/database.ts";
import { classifyDatabaseError } from "./database/faults.ts";
import { openDatabase } from "./database/open.ts";
import { openPrepared } from "./database/prepare.ts";
import { readNewest } from "./database/newest.ts";
import type { DeadLetters } from "./dead_letters/write.ts";
import type { Listener, PipelineEvent } from "./events.ts";
import { openJournal } from "./journal/open.ts";
import { createBatcher } from "./pipeline/batch.ts";
import { createBury } from "./pipeline/bury.ts";
import { createCircuit } from "./pipeline/circuit.ts";
import type { Health, ProviderHealth } from "./pipeline/health.ts";
import { createLedger, type Ledger } from "./pipeline/ledger.ts";
import { createQuorum, type QuorumReport } from "./pipeline/quorum.ts";
import { coordinateRates, createTokenBucket, type TokenBucket } from "./pipeline/rate.ts";
import { type Coordinator, run } from "./pipeline/run.ts";
import { createValve, type Valve } from "./pipeline/valve.ts";
import { rowName } from "./providers/mod.ts";
import type { Provider, ProviderContext } from "./providers/provider.ts";
import type { Frame } from "./records/frame.ts";
import { recordKind } from "./records/mod.ts";
import { createReceiveClock } from "./records/record.ts";
import { openSink } from "./sinks/mod.ts";
import type { Sink } from "./sinks/sink.ts";
import { createFeedback } from "./telemetry/feedback.ts";

/** How a run ended. */
export interface Outcome {
  readonly ledger: Ledger;
  /** Why it failed; `undefined` when it did not. */
  readonly failure?: unknown;
}

/** What a run is made of, besides the configuration. */
export interface AppOptions {
  readonly config: Config;
  /** Used instead of the one that the configuration names; stays open. */
  readonly database?: Database;
  readonly providers: readonly Provider[];
  readonly deadLetters: (tell: Listener) => DeadLetters;
  readonly listeners: readonly Listener[];
  /** Names of the kinds of records that the providers give. */
  readonly kinds: readonly string[];
}

/** A run that is ready to start. */
export interface App extends AsyncDisposable {
  readonly database: Database;
  /** Aborts when the sources are to be closed. */
  readonly stopping: AbortSignal;
  readonly health: () => Health;
  readonly ledger: () => Ledger;
  /** What the comparison of two providers has found; absent where none are compared. */
  readonly quorum?: () => QuorumReport;
  /** Listens from now on. */
  listen(listener: Listener): void;
  /** Runs until the sources end, or a stop or abort has been carried through. */
  run(): Promise<Outcome>;
  /** Holds a provider up, or lets it go on; tells whether there is one of that name. */
  pause(provider: string, paused: boolean): boolean;
  /** Closes the sources; what is accepted is still written, within the drain timeout. */
  stop(): void;
  /** Gives up: what is not written stays in the journal, or goes to the dead letters, at once. */
  abort(reason: Error): void;
  /** Ends the cooldown of open circuits: the next write is the probe. */
  probe(): void;
}

/**
 * Opens the database and brings its schema up to date, and sets up sink, queue and lanes for each kind of records.
 *
 * @throws {Error} If the database cannot be opened or migrated.
 */
export async function openApp(options: AppOptions): Promise<App> {
  const { settings } = options.config;
  await using opened = new AsyncDisposableStack();
  const stopping = new AbortController();
  const aborting = new AbortController();
  const listeners = [...options.listeners];
  const tell: Listener = (event) => {
    for (const listen of listeners) listen(event);
  };
  const providerHealth = trackProviders(options.providers, listeners);
  let failure: unknown;

  const ledger = createLedger();
  listeners.unshift(ledger.listen);

  function fail(error: unknown): void {
    if (failure === undefined) tell({ type: "fatal", error });
    failure ??= error;
    stopping.abort();
  }

  const coordinators = new Map<string, Coordinator>();
  const journaled = await openJournal({
    settings,
    providers: options.providers,
    kind(name) {
      const coordinator = coordinators.get(name);
      if (coordinator === undefined) throw new RangeError(`no queue takes records of kind "${name}"`);
      return coordinator.delivery.kind;
    },
    ledger,
    tell,
    abort: aborting.signal,
  });
  if (journaled !== undefined) {
    opened.use(journaled);
    listeners.push(journaled.journal.listen);
  }

  const database = await openPrepared(
    options.database ?? opened.use(await openDatabase(options.config)),
    (error) => {
      // What comes meanwhile is kept in the journal. An embedded database is never away.
      if (journaled === undefined || !options.providers.some(journaled.holds)) return false;
      tell({
        type: "journal-notice",
        message: `the database is not there yet, what comes is kept here until it is: ${error.message}`,
      });
      return true;
    },
  );

  const bury = createBury(options.deadLetters(tell), fail);
  for (const name of options.kinds) {
    const kind = recordKind(name);
    const sink: Sink = opened.use(openSink("postgres", { database, kind, deadlineMs: settings.writeTimeoutMs + 2000 }));
    const circuit = opened.use(createCircuit({
      failures: settings.circuitFailures,
      openMs: settings.circuitOpenMs,
      isFailure: (error) => sink.classify(error) === "transient",
      onChange: (state, failures, error) => tell({ type: "circuit", kind: name, state, failures, error }),
    }));
    coordinators.set(name, {
      batcher: createBatcher({
        kind: name,
        capacity: settings.capacity,
        maxRecords: settings.batchSize,
        lingerMs: settings.lingerMs,
        tell,
      }),
      workers: Math.min(settings.workers, sink.maxLanes),
      delivery: {
        kind,
        sink,
        circuit,
        retryAttempts: settings.retryAttempts,
        bury,
        keep: journaled?.journal.keep,
        tell,
        abort: aborting.signal,
        onFatal(error) {
          fail(error);
          aborting.abort(error);
        },
      },
    });
  }

  const buckets = new Map<Provider, TokenBucket>(
    options.providers.map((provider) => [
      provider,
      createTokenBucket(Math.min(settings.rate ?? Infinity, provider.rate ?? Infinity)),
    ]),
  );
  // What a journal takes need not be held back.
  const sources = options.providers.filter((provider) => !journaled?.holds(provider));
  const paced = [
    ...sources.map((provider) => buckets.get(provider)!),
    ...options.providers.flatMap((provider) => provider.buckets ?? []),
  ];
  listeners.push(coordinateRates(paced, tell));

  if (settings.feedbackUrl !== undefined) {
    const feedback = opened.use(createFeedback({
      url: settings.feedbackUrl,
      queue: (kind) => ({ size: coordinators.get(kind)!.batcher.depth, capacity: settings.capacity }),
      tell,
    }));
    listeners.push(feedback.listen);
  }

  const [one, other] = settings.quorum.map(rowName);
  const quorum = other === undefined ? undefined : createQuorum({
    providers: [one, other],
    tolerance: settings.quorumTolerance,
    volumeTolerance: settings.quorumVolumeTolerance,
    tell,
  });

  const clock = createReceiveClock();
  const valves = new Map<string, Valve<Frame>>();
  const contextOf = (name: string, bucket: TokenBucket): ProviderContext => ({
    clock,
    stop: stopping.signal,
    // A stop ends the wait; the provider looks at the signal itself.
    pace: (count) => bucket.take(count, stopping.signal).catch(() => {}),
    notice: (message) => tell({ type: "provider-notice", provider: name, message }),
    tell,
    newest: async (timeframe) => {
      try {
        return await withClient(database, (client) => readNewest(client, name, timeframe));
      } catch (error) {
        // A feed begins all the same; where it was is in its position too.
        if (journaled !== undefined && classifyDatabaseError(error) === "transient") return new Map();
        throw error;
      }
    },
    as: (other) => contextOf(other, bucket),
  });
  const open = (provider: Provider) => {
    tell({ type: "provider-opened", provider: provider.name });
    const valve = createValve(provider.open(contextOf(provider.name, buckets.get(provider)!)));
    for (const { name } of [provider, ...provider.members ?? []]) valves.set(name, valve);
    // What a stop lets the provider hand over is let through.
    stopping.signal.addEventListener("abort", valve.resume, { once: true });
    return valve.stream;
  };
  const openAll = (providers: readonly Provider[]) =>
    providers.map((provider) => ({ name: provider.name, stream: open(provider) }));

  const health = (): Health => ({
    coordinators: Array.from(coordinators, ([kind, { batcher, workers, delivery }]) => ({
      kind,
      workers,
      workersAlive: batcher.isClosed ? 0 : workers,
      queue: { size: batcher.depth, capacity: settings.capacity },
      circuit: delivery.circuit.state,
      probeAt: delivery.circuit.probeAt === undefined ? undefined : delivery.circuit.probeAt / 1000,
    })),
    providers: providerHealth().map((provider) =>
      provider.state === "up" && valves.get(provider.name)?.isPaused ? { ...provider, state: "paused" } : provider
    ),
    journal: journaled?.journal.health(),
    stopping: stopping.signal.aborted,
  });

  async function runFlow(): Promise<Outcome> {
    await using drain = new AsyncDisposableStack();
    const startDrain = () => {
      const seconds = settings.drainTimeout;
      const timer = setTimeout(
        () => aborting.abort(new Error(`stopped before it was written: drain timeout of ${seconds} s`)),
        seconds * 1000,
      );
      drain.defer(() => clearTimeout(timer));
    };
    stopping.signal.addEventListener("abort", startDrain, { once: true });
    // A stop that comes when all is done, while the parts are being closed, finds nothing to drain.
    drain.defer(() => stopping.signal.removeEventListener("abort", startDrain));
    await run({
      sources: openAll(sources),
      journaled: journaled && {
        journal: journaled.journal,
        sources: openAll(options.providers.filter(journaled.holds)),
      },
      coordinators,
      kind: recordKind,
      ledger,
      bury,
      tell,
      watch: quorum?.look,
      limit: settings.limit ?? Infinity,
      onLimit: () => stopping.abort(),
      abort: aborting.signal,
    }).catch(fail);
    for (const provider of options.providers) {
      await provider.close?.().catch((error) => {
        fail(new Error(`Cannot save how far ${provider.name} has come`, { cause: error }));
      });
    }
    // A member of a group that has failed has been stood in for.
    const failedProvider = providerHealth().find(({ state, group }) => state === "failed" && group === undefined);
    return { ledger: ledger.read(), failure: failure ?? failedProvider?.error };
  }

  const closing = opened.move();
  return {
    database,
    quorum: quorum?.report,
    stopping: stopping.signal,
    health,
    ledger: ledger.read,
    listen: (listener) => void listeners.push(listener),
    run: runFlow,
    stop: () => stopping.abort(),
    abort(reason) {
      stopping.abort();
      aborting.abort(reason);
    },
    pause(name, paused) {
      const valve = valves.get(name);
      if (valve === undefined) return false;
      if (paused) valve.pause();
      else valve.resume();
      tell({ type: "provider-notice", provider: name, message: paused ? "paused" : "on again" });
      return true;
    },
    probe() {
      for (const { delivery } of coordinators.values()) delivery.circuit.probe();
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Follows what is told of providers; a group is followed as itself, once it has failed, and as its members. */
function trackProviders(providers: readonly Provider[], listeners: Listener[]): () => ProviderHealth[] {
  const states = new Map<string, ProviderHealth>();
  for (const provider of providers) {
    const group = provider.members && provider.name;
    for (const { name } of provider.members ?? [provider]) states.set(name, { name, state: "up", group });
  }
  const change = (name: string, change: Partial<ProviderHealth>) =>
    states.set(name, { ...states.get(name), name, state: "up", ...change });
  listeners.push((event: PipelineEvent) => {
    if (event.type === "provider-ended") {
      for (const { name, group, state } of states.values()) {
        if ((group ?? name) === event.provider && state === "up") change(name, { state: "ended" });
      }
    }
    if (event.type === "provider-failed") {
      const error = event.error instanceof Error ? event.error.message : String(event.error);
      change(event.provider, { state: "failed", error });
    }
    if (event.type === "failover") {
      for (const [name, health] of states) {
        if (health.group === event.group) states.set(name, { ...health, isActive: name === event.provider });
      }
    }
  });
  return () => [...states.values()];
}
