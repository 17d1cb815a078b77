/**
 * The providers of a run: opened as streams, paced, paused, observed, and replaced during the run.
 *
 * @module
 */
import { onAbort } from "../abort.ts";
import { compareProviders, planProviders, type SourcesChange } from "./provider_changes.ts";
import { type Doubts, type Listener, on } from "../events.ts";
import type { ProviderHealth } from "../pipeline/health.ts";
import { type Lateness, yieldToLive } from "../pipeline/late.ts";
import { createTokenBucket, type TokenBucket } from "../pipeline/rate.ts";
import type { Intake, Source as PipelineSource } from "../pipeline/run.ts";
import { createPauseGate, type PauseGate } from "../pipeline/pause_gate.ts";
import type { Provider, ProviderContext } from "../providers/provider.ts";
import type { Frame } from "../records/frame.ts";

/** Options of {@linkcode createSources}. */
export interface SourcesOptions {
  /** Most records a second of each provider that can wait. */
  rate?: number;
  /** Whether a provider's frames go through the journal. */
  isJournaled: (provider: Provider) => boolean;
  lateness: Lateness;
  /** Creates the context of a provider. */
  context: (name: string, bucket: TokenBucket, stop: AbortSignal) => ProviderContext;
  /** Closes all providers. */
  stopping: AbortSignal;
  /** Whether to run on without a provider until a stop, or only until the last one has failed. */
  staysOpen?: boolean;
  emit: Listener;
}

/**
 * State of a run's providers:
 *
 * - `opening`: none is opened yet, as the pipeline does not run.
 * - `running`: they are read, and later ones are added by the intake.
 * - `draining`: none will be added; the intake is sealed.
 */
type Life =
  | { readonly state: "opening" }
  | { readonly state: "running" | "draining"; readonly intake: Intake };

/** The providers of a run. */
export interface Sources {
  /** Buckets that are slowed down together; grows as providers are added. */
  readonly paced: readonly TokenBucket[];
  readonly listen: Listener;
  /** Opens all providers: those whose frames go through the journal, or the others. */
  open(isJournaled: boolean): PipelineSource[];
  /** Called with the intake, to which later ones are added. */
  readonly onIntake: (intake: Intake) => void;
  current(): readonly Provider[];
  readonly state: Life["state"];
  health(): ProviderHealth[];
  /** Pauses or resumes a provider; returns whether it exists. */
  pause(name: string, paused: boolean): boolean;
  /**
   * Replaces the providers. An unchanged provider runs on untouched. The others are closed, with their last frames handed
   * on, before new ones are opened: an account may allow one connection only. A stopping or draining run opens none, and a
   * run that has not begun opens them at its beginning.
   *
   * @throws {Error} If a closed provider cannot save its position: nothing is opened then, and the next call lets it save
   * again.
   */
  replace(providers: readonly Provider[]): Promise<SourcesChange>;
  /** Lets the providers save their positions; throws the first failure. */
  close(): Promise<void>;
}

interface Source {
  readonly provider: Provider;
  readonly gates: readonly PauseGate<Frame>[];
  readonly stop: AbortController;
  readonly ended: PromiseWithResolvers<void>;
}

/** Creates the sources of a run, without opening any. */
export function createSources(providers: readonly Provider[], options: SourcesOptions): Sources {
  const { isJournaled, stopping, staysOpen = false, emit } = options;
  const sources = new Map<string, Source>();
  const states = new Map<string, ProviderHealth>();
  const unsubscribed = new Map<string, Map<string, string>>();
  const doubts = new Map<string, Doubts>();
  const skews = new Map<string, number>();
  const paced: TokenBucket[] = [];
  let current = providers;
  /** Stopped providers whose positions are not saved yet. */
  const unsaved = new Set<Provider>();
  let life: Life = { state: "opening" };
  let isReplacing = false;

  const membersOf = (provider: Provider) => provider.members ?? [provider];
  const bucketOf = ({ rate }: Provider) => createTokenBucket(Math.min(options.rate ?? Infinity, rate ?? Infinity));
  const buckets = new Map(providers.map((provider) => [provider, pace(provider)]));
  for (const provider of providers) follow(provider);

  function pace(provider: Provider): TokenBucket {
    const bucket = bucketOf(provider);
    // A journaled provider need not wait.
    if (!isJournaled(provider)) paced.push(bucket);
    paced.push(...provider.buckets ?? []);
    return bucket;
  }

  function follow(provider: Provider): void {
    const group = provider.members && provider.name;
    for (const { name } of membersOf(provider)) states.set(name, { name, state: "up", group });
  }

  function openOne(provider: Provider): PipelineSource {
    emit({ type: "provider-opened", provider: provider.name });
    const stop = new AbortController();
    const signal = AbortSignal.any([stopping, stop.signal]);
    const bucket = buckets.get(provider) ?? pace(provider);
    const context = options.context(provider.name, bucket, signal);
    const opened = provider.kinds?.map((kind) => provider.open({ ...context, kind })) ?? [provider.open(context)];
    const gates = opened.map(createPauseGate);
    // After a stop the gates are open for the last frames.
    onAbort(signal, () => gates.forEach((gate) => gate.resume()));
    sources.set(provider.name, { provider, gates, stop, ended: Promise.withResolvers() });
    const isBesideLive = () => current.some(({ isLive }) => isLive);
    return {
      name: provider.name,
      streams: gates.map(({ stream }) =>
        provider.isLive ? stream : yieldToLive(stream, options.lateness, isBesideLive)
      ),
    };
  }

  function change(name: string, to: Partial<ProviderHealth>): void {
    const before = states.get(name);
    if (before !== undefined) states.set(name, { ...before, ...to });
  }

  function sealWhenDone(): void {
    if (sources.size > 0 || isReplacing || life.state === "opening") return;
    const mayCome = staysOpen && !stopping.aborted && ![...states.values()].some(({ state }) => state === "failed");
    if (mayCome) return;
    life = { state: "draining", intake: life.intake };
    life.intake.seal();
  }
  onAbort(stopping, sealWhenDone);

  function end(name: string): void {
    sources.get(name)?.ended.resolve();
    sources.delete(name);
    sealWhenDone();
  }

  async function save(provider: Provider): Promise<void> {
    try {
      await provider.close?.();
      unsaved.delete(provider);
    } catch (cause) {
      throw new Error(`Cannot save the position of ${provider.name}: ${(cause as Error).message}`, { cause });
    }
  }

  /** Stops a provider, and waits until its last frames are handed on and its position is saved. */
  async function closeOne(provider: Provider): Promise<void> {
    const source = sources.get(provider.name);
    source?.stop.abort(new Error("replaced by a reload"));
    await source?.ended.promise;
    await save(provider);
    for (const { name } of membersOf(provider)) {
      states.delete(name);
      for (const known of [unsubscribed, doubts, skews]) known.delete(name);
    }
  }

  return {
    paced,
    current: () => current,
    get state() {
      return life.state;
    },
    open: (journaled) => current.filter((provider) => isJournaled(provider) === journaled).map(openOne),
    onIntake(intake) {
      life = { state: "running", intake };
      sealWhenDone();
    },
    listen: on({
      "provider-ended"({ provider }) {
        for (const { name, group, state } of states.values()) {
          if ((group ?? name) === provider && state === "up") change(name, { state: "ended" });
        }
        end(provider);
      },
      "provider-failed"({ provider, error: cause }) {
        const error = cause instanceof Error ? cause.message : String(cause);
        states.set(provider, { ...states.get(provider), name: provider, state: "failed", error });
        end(provider);
      },
      "unsubscribed"({ provider, symbols, reason }) {
        // Changed in place: thousands of symbols may be refused one by one.
        let of = unsubscribed.get(provider);
        if (of === undefined) unsubscribed.set(provider, of = new Map());
        for (const symbol of symbols) {
          if (reason === undefined) of.delete(symbol);
          else of.set(symbol, reason);
        }
      },
      "doubts"(event) {
        if (event.series === 0) doubts.delete(event.provider);
        else doubts.set(event.provider, event);
      },
      "clock-skew": ({ provider, skewMs }) => void skews.set(provider, skewMs),
      "failover"(event) {
        for (const { name, group } of states.values()) {
          if (group === event.group) change(name, { isActive: name === event.provider });
        }
      },
    }),
    health: () =>
      Array.from(states.values(), (state) => {
        const missing = unsubscribed.get(state.name);
        const health = {
          ...state,
          ...(missing?.size ? { unsubscribed: missing } : {}),
          doubts: doubts.get(state.name),
          clockSkewMs: skews.get(state.name),
        };
        const [gate] = sources.get(health.group ?? health.name)?.gates ?? [];
        return health.state === "up" && gate?.isPaused ? { ...health, state: "paused" } : health;
      }),
    pause(name, paused) {
      const source = sources.get(states.get(name)?.group ?? name);
      if (source === undefined) return false;
      for (const gate of source.gates) paused ? gate.pause() : gate.resume();
      emit({ type: "provider-notice", provider: name, message: paused ? "paused" : "on again" });
      return true;
    },
    async replace(next) {
      if (isReplacing) throw new Error("Cannot reload: another reload is in progress");
      isReplacing = true;
      try {
        const before = current;
        const { keep, close, open } = planProviders(before, next);
        for (const provider of close) unsaved.add(provider);
        current = keep;
        await whenAll(Array.from(unsaved, closeOne));
        const coming = stopping.aborted || life.state === "draining" ? [] : open;
        current = [...keep, ...coming];
        for (const provider of coming) {
          follow(provider);
          // Providers added before the run begins are opened with the others.
          if (life.state !== "opening") life.intake.add(openOne(provider), isJournaled(provider));
        }
        return compareProviders(before, current);
      } finally {
        isReplacing = false;
        sealWhenDone();
      }
    },
    async close() {
      await whenAll([...unsaved, ...current].map(save));
    },
  };
}

/** Waits for all, and throws the first failure. */
async function whenAll(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}
