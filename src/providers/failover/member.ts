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
 * Role of a member:
 * - `closed`: not read; its last opening may not have ended yet.
 * - `delivering`: its frames are handed over.
 * - `watched`: it is connected and its frames wait, to show whether it is healthy.
 */
type Part = "closed" | "delivering" | "watched";

/**
 * The connection, by what the feed emits:
 *
 * - `down`: not subscribed.
 * - `heldUp`: dropped because the pipeline is slow, until the feed connects again.
 * - `live`: subscribed. `dataSince` is when its first live bars came, in milliseconds of the monotonic clock.
 */
type Link =
  | { readonly state: "down" }
  | { readonly state: "heldUp" }
  | { readonly state: "live"; readonly dataSince?: number };

/** A provider of the group. */
export interface Member {
  readonly name: string;
  /** Whether it is delivering or watched. */
  readonly isOpen: boolean;
  /** Whether it is connected and subscribed. */
  readonly isLive: boolean;
  /** Whether it has dropped its connection because the pipeline is slow. */
  readonly isHeldUp: boolean;
  /** Since when its live bars have flowed on this connection, in milliseconds of the monotonic clock. */
  readonly dataSince: number | undefined;
  /** The error that ended its last connection. */
  readonly lastError: unknown;
  /** The error of its final failure. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Starts to hand over its frames; opens it, once an earlier closing has ended. */
  deliver(): void;
  /** Stops to hand over its frames, but keeps it connected, since only a connection shows whether it is healthy. */
  watch(): void;
  /** Closes it; its frames are still handed over. */
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
  /** Called with the member's events, after the member has handled them. */
  onEvent: (event: PipelineEvent) => void;
  /** Called when it has failed for good. */
  onFailed: (error: unknown) => void;
}

/** One opening of the provider, which ends with both its stream and its feed. */
interface Opening {
  readonly stop: AbortController;
  readonly feedEnded: PromiseWithResolvers<void>;
  hasFailed: boolean;
  tap?: Tap;
}

/** Creates a closed member. */
export function createMember({ provider, context, peers, intake, onEvent, onFailed }: MemberOptions): Member {
  const { name } = provider;
  let part: Part = "closed";
  let link: Link = { state: "down" };
  let lastError: unknown;
  let failure: { error: unknown } | undefined;
  let opening: Opening | undefined;
  let closed: Promise<unknown> = Promise.resolve();

  /** The connection after an event; unchanged by an unrelated event. */
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
        // A stream read to its end throws the error.
        of.hasFailed = true;
        of.tap?.resume();
      }
      if (event.state === "failed" || event.state === "ended") of.feedEnded.resolve();
    } else if (event.type === "feed-lost") {
      lastError = event.error;
      // Its waiting records will not be read, and it does not connect again before that.
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
    forget(new Error(`the waiting records of ${name} are not needed`))?.cancel("not needed");
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
