/**
 * The provider of records that edges have published to a stream of NATS JetStream; see `src/sinks/nats.ts`.
 *
 * @module
 */
import type { Consumer } from "@nats-io/jetstream";
import type { NatsSettings } from "../config/nats.ts";
import type { FeedState } from "../events.ts";
import type { Nats } from "../nats/connection.ts";
import { classifyNatsError, NatsError } from "../nats/faults.ts";
import { openPreparedNats } from "../nats/prepared.ts";
import { type Frame, frameSize } from "../records/frame.ts";
import { openConsumer } from "./nats/consumer.ts";
import { createSeriesDictionary, renewSeries } from "../records/series_dictionary.ts";
import { createDeliveredLog, type DeliveredLog } from "./nats/delivered.ts";
import { frameOf, isForNewer } from "./nats/frame.ts";
import { holdMessages } from "./nats/held.ts";
import { createIntake, type Intake } from "./nats/intake.ts";
import {
  type Provider,
  type ProviderContext,
  type ProviderDeclaration,
  type ProviderSettings,
  SettingError,
} from "./provider.ts";

/** How often the server is asked for the lag of the consumers, in milliseconds. */
const LAG_EVERY_MS = 2000;
/** How long a message of a newer program is left in the stream, in milliseconds. */
const NEWER_MS = 30_000;

/** Declares the provider `nats`. */
export const nats: ProviderDeclaration = {
  create: createNats,
  // Rows name their original provider, whose calendar counts.
  calendar: () => undefined,
  delayMs: 0,
  account: "open",
  assets: "any",
  history: undefined,
};

/**
 * Makes the provider `nats`: records have the names of the providers that delivered them at the edge, and their time of
 * receipt there. A message is acknowledged when its records are stored; otherwise it is delivered to another worker, so
 * that any number of workers may share the stream.
 *
 * @throws {SettingError} If NATS is not configured.
 */
export function createNats(settings: ProviderSettings): Provider {
  const nats = settings.nats?.();
  if (nats === undefined) throw new SettingError("NATS_URL", "it is not given");
  const kinds = settings.kinds.map(({ name }) => name);
  const delivered = createDeliveredLog();
  let session: ReturnType<typeof openSession> | undefined;
  return {
    name: "nats",
    keepsUnsettled: true,
    kinds,
    delivered: delivered.read,
    open(context) {
      session ??= openSession(nats, { tenant: settings.tenant, kinds, delivered }, context);
      return session.read(context.kind === undefined ? kinds : [context.kind]);
    },
    async close() {
      await session?.close();
      // It may be opened again.
      session = undefined;
    },
  };
}

/**
 * A connection with its consumers: opens streams of messages of some kinds as frames, and ends all of them at its
 * closing.
 */
function openSession(
  settings: NatsSettings,
  { tenant, kinds, delivered }: { tenant: string; kinds: readonly string[]; delivered: DeliveredLog },
  { stop, emit, warn, pace }: ProviderContext,
) {
  const cancelled = new AbortController();
  const held = holdMessages(settings.natsAckWait * 1000);
  const consumers = new Map<string, Consumer>();
  let way: Promise<Nats> | undefined;
  let state: FeedState | undefined;
  let isNewerTold = false;
  let series = createSeriesDictionary();

  function connect(): Promise<Nats> {
    if (way === undefined) {
      const attempt = way = openPreparedNats(settings, "barline hub", () => false);
      attempt.catch(() => way = undefined);
    }
    return way;
  }

  function change(to: FeedState, error?: unknown): void {
    if (to === state) return;
    if (to === "waiting") emit({ type: "feed-lost", provider: "nats", reason: "connection", error });
    emit({ type: "feed-state", provider: "nats", state: state = to });
  }

  async function open(kind: string): Promise<Consumer> {
    const consumer = await openConsumer(await connect(), settings, { tenant, kind });
    consumers.set(kind, consumer);
    return consumer;
  }

  async function readLag(): Promise<void> {
    for (const [kind, consumer] of consumers) {
      const { num_pending: waiting, num_ack_pending: unanswered } = await consumer.info();
      emit({ type: "stream-lag", provider: "nats", kind, waiting, unanswered });
    }
  }

  change("connecting");
  const timer = setInterval(() => {
    // Until then the intake has the better state.
    if (consumers.size === kinds.length) readLag().then(() => change("live"), (error) => change("waiting", error));
  }, LAG_EVERY_MS);

  async function next(intake: Intake): Promise<Frame | undefined> {
    while (true) {
      const taken = await intake.next();
      if (taken === undefined) return undefined;
      const { message, kind } = taken;
      if (message.redelivered) emit({ type: "redelivered", provider: "nats", kind });
      if (!isForNewer(message)) {
        series = renewSeries(series);
        return frameOf(message, kind, { held, delivered, series });
      }
      held.nak(message, NEWER_MS);
      if (!isNewerTold) warn("messages of a newer version are left in the stream: update this worker");
      isNewerTold = true;
    }
  }

  return {
    read(some: readonly string[]): ReadableStream<Frame> {
      const left = new AbortController();
      const intake = createIntake({
        kinds: some,
        open,
        held,
        mayMend: (error) => classifyNatsError(error instanceof NatsError ? error.cause : error) === "transient",
        onState: change,
        stop: AbortSignal.any([stop, cancelled.signal, left.signal]),
      });
      return new ReadableStream<Frame>({
        async pull(controller) {
          const frame = await next(intake);
          if (frame === undefined) return controller.close();
          await pace(frameSize(frame));
          // Cancelled meanwhile: it is returned with the rest.
          if (!left.signal.aborted && !cancelled.signal.aborted) controller.enqueue(frame);
        },
        cancel: () => left.abort(),
      }, { highWaterMark: 0 });
    },
    async close() {
      cancelled.abort();
      clearInterval(timer);
      held.nakAll();
      held[Symbol.dispose]();
      await (await way?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}
