/**
 * The durable consumer that the workers of a hub share, one for each kind of records.
 *
 * @module
 */
import {
  AckPolicy,
  type Consumer,
  type ConsumerConfig,
  DeliverPolicy,
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
} from "@nats-io/jetstream";
import type { NatsSettings } from "../../config/nats.ts";
import type { Nats } from "../../nats/connection.ts";
import { manageStreams } from "../../nats/stream.ts";
import { subjectsOf } from "../../nats/subject.ts";

const NANOS_PER_SECOND = 1e9;

/** Tenant and kind of the records. */
export interface Subscription {
  readonly tenant: string;
  readonly kind: string;
}

/**
 * Opens the consumer. Creates a missing one, and changes one whose options differ. A message may be delivered any
 * number of times: an outage is not the message's fault.
 *
 * @throws {Error} If the stream is missing, or the server refuses.
 */
export async function openConsumer(nats: Nats, settings: NatsSettings, to: Subscription): Promise<Consumer> {
  const { natsStream: stream } = settings;
  const manager = await manageStreams(nats);
  const expected = {
    durable_name: nameOf(settings, to),
    filter_subject: subjectsOf(to.tenant, to.kind),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: settings.natsAckWait * NANOS_PER_SECOND,
    max_ack_pending: settings.natsMaxAckPending,
    max_deliver: -1,
  } satisfies Partial<ConsumerConfig>;
  const { durable_name: name, ack_wait, max_ack_pending } = expected;
  const found = await find(manager, stream, name);
  if (found === undefined) await manager.consumers.add(stream, expected);
  else if (found.filter_subject !== expected.filter_subject) {
    throw new RangeError(
      `Cannot use the consumer "${name}" of the stream "${stream}": its filter_subject is "${
        found.filter_subject ?? ""
      }", ` +
        `expected "${expected.filter_subject}". Give this hub another --nats-consumer, or delete the consumer`,
    );
  } else if (found.ack_wait !== ack_wait || found.max_ack_pending !== max_ack_pending) {
    await manager.consumers.update(stream, name, { ack_wait, max_ack_pending });
  }
  return await jetstream(await nats.connect()).consumers.get(stream, name);
}

/** Each tenant has separate consumers. */
function nameOf({ natsConsumer }: NatsSettings, { tenant, kind }: Subscription): string {
  return [natsConsumer, ...(tenant === "default" ? [] : [tenant]), kind].join("-");
}

async function find(manager: JetStreamManager, stream: string, name: string): Promise<ConsumerConfig | undefined> {
  try {
    return (await manager.consumers.info(stream, name)).config as ConsumerConfig;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound) return undefined;
    throw error;
  }
}
