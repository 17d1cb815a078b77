/**
 * The stream that keeps what is not stored yet: made, brought up to date, and checked.
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

/** What a stream is to be like. */
export type WantedStream = Pick<
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

/** The stream as the options want it. */
export function wantedStream(settings: NatsSettings): WantedStream {
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
    // The server does not take a window that is longer than the age.
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

/** What a server cannot change of a stream that is there (nats-server 2.9, `Update` of a stream). */
const FIXED = ["storage", "retention"] as const;
const CHANGEABLE = ["num_replicas", "max_bytes", "max_age", "discard", "duplicate_window"] as const;

/**
 * Makes the stream, or changes it to what is wanted, and tells which.
 *
 * @throws {Error} If there is one of that name that cannot become it, or the server refuses.
 */
export async function prepareStream(manager: JetStreamManager, wanted: WantedStream): Promise<"created" | string[]> {
  const found = await findStream(manager, wanted.name);
  if (found === undefined) {
    await manager.streams.add(wanted);
    return "created";
  }
  for (const property of FIXED) {
    if (found[property] === wanted[property]) continue;
    throw new Error(
      `Cannot use the stream ${wanted.name}: its ${property} is ${found[property]}, expected ${wanted[property]}, ` +
        "which no server changes: name another with --nats-stream, or delete it when it is empty",
    );
  }
  const changed: string[] = CHANGEABLE.filter((property) => found[property] !== wanted[property]);
  if (!captures(found)) changed.push("subjects");
  if (describeSources(found) !== describeSources(wanted)) changed.push("sources");
  if (changed.length > 0) {
    const subjects = captures(found) ? found.subjects : [...found.subjects ?? [], ...wanted.subjects];
    await manager.streams.update(wanted.name, { ...wanted, subjects, sources: wanted.sources ?? [] });
  }
  return changed;
}

/**
 * Makes the stream where there is none, and leaves one that is there as it is: `migrate` changes it.
 *
 * @throws {Error} If it does not take the records, or cannot be made.
 */
export async function ensureStream(manager: JetStreamManager, wanted: WantedStream): Promise<void> {
  const found = await findStream(manager, wanted.name);
  if (found === undefined) await manager.streams.add(wanted);
  else checkStream(found);
}

/** @throws {Error} If a stream does not take the records. */
export function checkStream(found: StreamConfig): void {
  if (captures(found)) return;
  throw new Error(
    `Cannot use the stream ${found.name}: it takes ${(found.subjects ?? []).join(", ") || "no subject"}, expected ` +
      `${STREAM_SUBJECT}: run barline migrate --sink nats`,
  );
}

/** The configuration of the stream; `undefined` where there is none. */
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

/** When the stream was made, as text: one that is made anew has another time. `undefined` where there is none. */
export async function readCreation(nats: Nats, name: string): Promise<string | undefined> {
  const manager = await jetstreamManager(await connectNow(nats), { timeout: ANSWER_MS, checkAPI: false });
  return (await manager.streams.info(name)).created;
}
