/**
 * The sink that publishes to a stream of NATS JetStream, from which hubs store records.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import type { WriteCounts } from "../events.ts";
import { checkNats, connectNow, type Nats, unlessAborted } from "../nats/connection.ts";
import { classifyNatsError } from "../nats/faults.ts";
import type { RecordKind } from "../records/kind.ts";
import type { Rows } from "../records/columns.ts";
import { type PackedMessage, packMessages } from "./nats/messages.ts";
import type { Sink } from "./sink.ts";

/** Options of {@linkcode openNatsSink}. */
export interface NatsSinkOptions {
  /** The connection to NATS; the caller disposes of it. */
  nats: Nats;
  kind: RecordKind;
  /** The tenant in the subject. @default {"default"} */
  tenant?: string;
  /** Number of subjects that symbols are distributed over. */
  shards: number;
  /** Longest wait for the acknowledgement of a message, in milliseconds. */
  deadlineMs: number;
}

/** Lanes share the connection; more would only mean more messages in flight. */
const MAX_LANES = 64;
/** Bytes of a message's allowed size that its headers may take. */
const HEADER_BYTES = 256;
/** Hexadecimal digits of the digest that identify a message: enough to be unique. */
const ID_LENGTH = 32;

/**
 * Opens the sink for one kind of records. A batch is published at once, as a message for each provider and shard, and
 * counts as written when the server has acknowledged all of them, so each lane has one batch in flight. A message is
 * identified by its digest (`Nats-Msg-Id`): if it is sent again after its acknowledgement was lost, it is not kept
 * twice and counts as unchanged.
 */
export function openNatsSink(options: NatsSinkOptions): Sink {
  const { nats, kind, tenant = "default", shards, deadlineMs } = options;

  async function write(rows: Rows): Promise<WriteCounts> {
    const connection = await connectNow(nats);
    const maxBytes = (connection.info?.max_payload ?? 1024 ** 2) - HEADER_BYTES;
    const messages = packMessages(rows, { kind, tenant, shards, maxBytes });
    const client = jetstream(connection);
    const publish = async ({ subject, bytes, count }: PackedMessage) => {
      // Not Web Crypto, which takes a thread and a turn of the event loop for each.
      const msgID = createHash("sha256").update(bytes).digest("hex").slice(0, ID_LENGTH);
      try {
        const { duplicate } = await client.publish(subject, bytes, { msgID, timeout: deadlineMs });
        return duplicate ? 0 : count;
      } catch (error) {
        const { cause } = error as Error;
        if (!(cause instanceof errors.RequestError && cause.isNoResponders())) throw error;
        // The library's answer for a subject without a listener.
        throw new Error(
          `No stream at ${nats.label} takes ${subject}: run barline migrate --sink nats, or wait for JetStream there`,
          { cause: error },
        );
      }
    };
    const stored = (await Promise.all(messages.map(publish))).reduce((sum, count) => sum + count, 0);
    return { stored, unchanged: rows.count - stored, deduplicated: 0 };
  }

  return {
    name: "nats",
    maxLanes: MAX_LANES,
    openLane: () => ({
      async write(rows, signal) {
        signal.throwIfAborted();
        return await unlessAborted(write(rows), signal);
      },
      async [Symbol.asyncDispose]() {},
    }),
    classify: classifyNatsError,
    check: (signal) => checkNats(nats, signal),
    async [Symbol.asyncDispose]() {},
  };
}
