/**
 * One provider of a failover group: opened and closed as needed, and followed by its events.
 *
 * @module
 */
import type { PipelineEvent } from "../../events.ts";
import type { Frame } from "../../records/frame.ts";
import type { Provider, ProviderContext } from "../provider.ts";
import type { Intake, Tap } from "./intake.ts";

/**
 * The part that a member takes:
 *
 * - `closed`: none; its last opening may not be over yet.
 * - `delivering`: it hands over what it has and gets.
 * - `watched`: it is connected and hands over nothing, to show whether it is well.
 */
type Part = "closed" | "delivering" | "watched";

/**
 * The connection, by what the feed emits:
 *
 * - `down`: not subscribed.
 * - `heldUp`: given up because the pipeline is slow, until the feed connects again.
 * - `live`: subscribed. `dataSince` is when its first live bars came, in milliseconds of the monotonic clock.
 */
type Link =
  | { readonly state: "down" }
  | { readonly state: "heldUp" }
  | { readonly state: "live"; readonly dataSince?: number };

/** A provider of the group. */
export interface Member {
  readonly name: string;
  /** Whether it takes part: it delivers, or is watched. */
  readonly isOpen: boolean;
  /** Whether it is connected and subscribed. */
  readonly isLive: boolean;
  /** Whether it has given its connection up because the pipeline is slow. */
  readonly isHeldUp: boolean;
  /** Since when its live bars have flowed on this connection, in milliseconds of the monotonic clock. */
  readonly dataSince: number | undefined;
  /** The error that ended its last connection. */
  readonly lastError: unknown;
  /** The error that it has failed with, for good. */
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
  /** Coverage of the other members, by the provider's own symbols. */
  peers: NonNullable<ProviderContext["peers"]>;
  intake: Intake<Frame>;
  /** Called with the member's events, after it has taken note of them. */
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
  let part: Part = "closed";
  let link: Link = { state: "down" };
  let lastError: unknown;
  let failure: { error: unknown } | undefined;
  let opening: Opening | undefined;
  let closed: Promise<unknown> = Promise.resolve();

  /** The connection after an event; the same one where the event says nothing of it. */
  function linkAfter(event: PipelineEvent): Link {
    switch (event.type) {
      case "feed-state":
        if (event.state === "live") return { state: "live" };
        return link.state === "heldUp" && event.state !== "connecting" ? link : { state: "down" };
      case "feed-lost":
        if (event.reason === "overflow") return { state: "heldUp" };
        return link.state === "heldUp" ? { state: "down" } : link;
      case "bars":
        if (event.source !== "live" || link.state !== "live" || link.dataSince !== undefined) return link;
        return { state: "live", dataSince: performance.now() };
      default:
        return link;
    }
  }

  function hear(event: PipelineEvent, of: Opening): void {
    link = linkAfter(event);
    if (event.type === "feed-state") {
      if (event.state === "failed") {
        // Read to its end, the stream throws the error.
        of.hasFailed = true;
        of.tap?.resume();
      }
      if (event.state === "failed" || event.state === "ended") of.feedEnded.resolve();
    } else if (event.type === "feed-lost") {
      lastError = event.error;
      // Its held records will not be read, and before that it does not connect again.
      if (link.state === "heldUp" && part === "watched") queueMicrotask(restart);
    } else if (event.type !== "bars" || event.source !== "live") return;
    if (of === opening) onEvent(event);
  }

  function open(): void {
    if (part === "closed" || opening !== undefined || context.stop.aborted) return;
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
    if (part === "watched") own.tap.pause();
  }

  function forget(reason: unknown): Tap | undefined {
    const tap = opening?.tap;
    opening?.stop.abort(reason);
    opening = undefined;
    if (link.state === "live") link = { state: "down" };
    return tap;
  }

  function restart(): void {
    if (part !== "watched") return;
    forget(new Error(`what ${name} holds is not needed`))?.cancel("not needed");
    closed.then(open);
  }

  return {
    name,
    get isOpen() {
      return part !== "closed";
    },
    get isLive() {
      return link.state === "live";
    },
    get isHeldUp() {
      return link.state === "heldUp";
    },
    get dataSince() {
      return link.state === "live" ? link.dataSince : undefined;
    },
    get lastError() {
      return lastError;
    },
    get failure() {
      return failure;
    },
    deliver() {
      part = "delivering";
      if (opening === undefined) closed.then(open);
      else opening.tap?.resume();
    },
    watch() {
      if (part !== "closed") part = "watched";
      if (opening?.hasFailed === false) opening.tap?.pause();
    },
    close() {
      if (part === "closed") return;
      part = "closed";
      forget(new Error(`another provider delivers in place of ${name}`))?.resume();
      closed.then(() => {
        if (part === "closed" && failure === undefined) {
          context.emit({ type: "feed-state", provider: name, state: "standby" });
        }
      });
    },
    cancel(reason) {
      part = "closed";
      forget(reason)?.cancel(reason);
    },
  };
}
