/**
 * The stream of records that are not stored yet: it is created, brought up to date, and checked.
 *
 * @module
 */
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsSettings } from "../config/nats.ts";
import { connectNow, type Nats } from "./connection.ts";
import { STREAM_SUBJECT } from "./subject.ts";

/** Longest wait for an answer of JetStream, in milliseconds. */
const ANSWER_MS = 5000;
const NANOS_PER_SECOND = 1e9;

/** The expected configuration of a stream. */
export type ExpectedStream = Pick<
  StreamConfig,
  | "name"
  | "subjects"
  | "storage"
  | "retention"
  | "num_replicas"
  | "max_bytes"
  | "max_age"
  | "discard"
  | "duplicate_window"
  | "sources"
>;

/** The stream that the options describe. */
export function expectedStream(settings: NatsSettings): ExpectedStream {
  const name = settings.natsStream;
  return {
    name,
    subjects: [STREAM_SUBJECT],
    storage: StorageType.File,
    retention: settings.natsRetention === "workqueue" ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    num_replicas: settings.natsReplicas,
    max_bytes: settings.natsMaxBytes,
    max_age: settings.natsMaxAge * NANOS_PER_SECOND,
    discard: settings.natsDiscard === "new" ? DiscardPolicy.New : DiscardPolicy.Old,
    // The server accepts no window longer than the age.
    duplicate_window: Math.min(settings.natsDedupe, settings.natsMaxAge || Infinity) * NANOS_PER_SECOND,
    ...(settings.natsSources.length === 0 ? {} : {
      sources: settings.natsSources.map((domain) => ({ name, external: { api: `$JS.${domain}.API`, deliver: "" } })),
    }),
  };
}

/** Manages JetStream through a connection. */
export async function manageStreams(nats: Nats): Promise<JetStreamManager> {
  return await jetstreamManager(await nats.connect(), { timeout: ANSWER_MS, checkAPI: false });
}

/** Properties that a server cannot change in an existing stream (nats-server 2.9, `Update` of a stream). */
const FIXED = ["storage", "retention"] as const;
const CHANGEABLE = ["num_replicas", "max_bytes", "max_age", "discard", "duplicate_window"] as const;

/**
 * Creates the stream, or changes its configuration to the expected one; returns the change.
 *
 * @throws {Error} If a stream of that name cannot be changed to it, or the server refuses.
 */
export async function prepareStream(
  manager: JetStreamManager,
  expected: ExpectedStream,
): Promise<"created" | string[]> {
  const found = await findStream(manager, expected.name);
  if (found === undefined) {
    await manager.streams.add(expected);
    return "created";
  }
  for (const property of FIXED) {
    if (found[property] === expected[property]) continue;
    throw new Error(
      `Cannot use the stream ${expected.name}: its ${property} is ${found[property]}, expected ${
        expected[property]
      }, ` +
        "which no server changes: name another with --nats-stream, or delete it when it is empty",
    );
  }
  const changed: string[] = CHANGEABLE.filter((property) => found[property] !== expected[property]);
  if (!captures(found)) changed.push("subjects");
  if (describeSources(found) !== describeSources(expected)) changed.push("sources");
  if (changed.length > 0) {
    const subjects = captures(found) ? found.subjects : [...found.subjects ?? [], ...expected.subjects];
    await manager.streams.update(expected.name, { ...expected, subjects, sources: expected.sources ?? [] });
  }
  return changed;
}

/**
 * Creates a missing stream; `migrate` changes an existing one.
 *
 * @throws {Error} If it does not accept the records, or cannot be created.
 */
export async function ensureStream(manager: JetStreamManager, expected: ExpectedStream): Promise<void> {
  const found = await findStream(manager, expected.name);
  if (found === undefined) await manager.streams.add(expected);
  else checkStream(found);
}

/** @throws {Error} If a stream does not accept the records. */
export function checkStream(found: StreamConfig): void {
  if (captures(found)) return;
  throw new Error(
    `Cannot use the stream ${found.name}: it takes ${(found.subjects ?? []).join(", ") || "no subject"}, expected ` +
      `${STREAM_SUBJECT}: run barline migrate --sink nats`,
  );
}

/** The configuration of the stream; `undefined` if it does not exist. */
export async function findStream(manager: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return undefined;
    throw error;
  }
}

const captures = ({ subjects = [] }: Partial<StreamConfig>) =>
  subjects.some((each) => each === STREAM_SUBJECT || each === ">");

function describeSources({ sources = [] }: Partial<StreamConfig>): string {
  return sources.map(({ name, external }) => `${name} ${external?.api}`).sort().join();
}

/** When the stream was created, as text, which differs for a recreated one. `undefined` if it does not exist. */
export async function readCreation(nats: Nats, name: string): Promise<string | undefined> {
  const manager = await jetstreamManager(await connectNow(nats), { timeout: ANSWER_MS, checkAPI: false });
  return (await manager.streams.info(name)).created;
}
