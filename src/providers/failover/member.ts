/**
 * One provider of a failover group: opened and closed as it is needed, and followed by what it tells.
 *
 * @module
 */
import type { PipelineEvent } from "../../events.ts";
import type { Frame } from "../../records/frame.ts";
import type { Provider, ProviderContext } from "../provider.ts";
import type { Intake, Tap } from "./intake.ts";

/** A provider of the group. */
export interface Member {
  readonly name: string;
  /** Whether it is wanted: it delivers, or is watched. */
  readonly isOpen: boolean;
  /** Whether it is connected and subscribed. */
  readonly isLive: boolean;
  /** Whether it has given its connection up because the pipeline is slow. */
  readonly isHeldUp: boolean;
  /** Since when its live bars have flowed on this connection, in milliseconds of the monotonic clock. */
  readonly dataSince: number | undefined;
  /** What its last connection ended with. */
  readonly lastError: unknown;
  /** What it has failed with, for good. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Hands over what it has and gets; opens it, once an earlier closing is over. */
  deliver(): void;
  /** Hands nothing over, but leaves it connected: only so can be seen whether it is well. */
  watch(): void;
  /** Closes it; what it has is still handed over. */
  close(): void;
  /** Closes it at once. */
  cancel(reason: unknown): void;
}

/** Options of {@linkcode createMember}. */
export interface MemberOptions {
  provider: Provider;
  context: ProviderContext;
  /** What the other members know, by the provider's own symbols. */
  peers: NonNullable<ProviderContext["peers"]>;
  intake: Intake<Frame>;
  /** Hears what the member tells, after it has taken note of it. */
  onEvent: (event: PipelineEvent) => void;
  /** Hears that it has failed for good. */
  onFailed: (error: unknown) => void;
}

/** One opening of the provider, which is over when both its stream and its feed have ended. */
interface Opening {
  readonly stop: AbortController;
  readonly feedEnded: PromiseWithResolvers<void>;
  hasFailed: boolean;
  tap?: Tap;
}

/** Makes a member that is not opened yet. */
export function createMember({ provider, context, peers, intake, onEvent, onFailed }: MemberOptions): Member {
  const { name } = provider;
  let isOpen = false;
  let isWatched = false;
  let isLive = false;
  let isHeldUp = false;
  let dataSince: number | undefined;
  let lastError: unknown;
  let failure: { error: unknown } | undefined;
  let opening: Opening | undefined;
  let closed: Promise<unknown> = Promise.resolve();

  function hear(event: PipelineEvent, of: Opening): void {
    if (event.type === "feed-state") {
      isLive = event.state === "live";
      dataSince = undefined;
      if (event.state === "connecting") isHeldUp = false;
      if (event.state === "failed") {
        // Read to its end, the stream tells the error.
        of.hasFailed = true;
        of.tap?.resume();
      }
      if (event.state === "failed" || event.state === "ended") of.feedEnded.resolve();
    } else if (event.type === "feed-lost") {
      lastError = event.error;
      isHeldUp = event.reason === "overflow";
      // Nobody will read what it holds, and before that it does not connect again.
      if (isHeldUp && isWatched) queueMicrotask(restart);
    } else if (event.type === "bars" && event.source === "live") dataSince ??= performance.now();
    else return;
    if (of === opening) onEvent(event);
  }

  function open(): void {
    if (!isOpen || opening !== undefined || context.stop.aborted) return;
    const own: Opening = { stop: new AbortController(), feedEnded: Promise.withResolvers(), hasFailed: false };
    const streamEnded = Promise.withResolvers<void>();
    opening = own;
    closed = Promise.all([streamEnded.promise, own.feedEnded.promise]);
    const stream = provider.open({
      ...context.as?.(name) ?? context,
      stop: AbortSignal.any([own.stop.signal, context.stop]),
      peers,
      emit(event) {
        context.emit(event);
        hear(event, own);
      },
    });
    own.tap = intake.add(stream, (error) => {
      streamEnded.resolve();
      if (own.stop.signal.aborted || context.stop.aborted) return;
      failure = { error: error ?? new Error(`${name} has ended`) };
      onFailed(failure.error);
    });
    if (isWatched) own.tap.pause();
  }

  function forget(reason: unknown): Tap | undefined {
    const tap = opening?.tap;
    opening?.stop.abort(reason);
    opening = undefined;
    isLive = false;
    dataSince = undefined;
    return tap;
  }

  function restart(): void {
    if (!isWatched) return;
    forget(new Error(`what ${name} holds is not needed`))?.cancel("not needed");
    closed.then(open);
  }

  return {
    name,
    get isOpen() {
      return isOpen;
    },
    get isLive() {
      return isLive;
    },
    get isHeldUp() {
      return isHeldUp;
    },
    get dataSince() {
      return dataSince;
    },
    get lastError() {
      return lastError;
    },
    get failure() {
      return failure;
    },
    deliver() {
      isOpen = true;
      isWatched = false;
      if (opening === undefined) closed.then(open);
      else opening.tap?.resume();
    },
    watch() {
      isWatched = true;
      if (opening?.hasFailed === false) opening.tap?.pause();
    },
    close() {
      if (!isOpen) return;
      isOpen = isWatched = false;
      forget(new Error(`another provider delivers in place of ${name}`))?.resume();
      closed.then(() => {
        if (!isOpen && failure === undefined) context.emit({ type: "feed-state", provider: name, state: "standby" });
      });
    },
    cancel(reason) {
      isOpen = isWatched = false;
      forget(reason)?.cancel(reason);
    },
  };
}
