/**
 * Checks of NATS for `barline doctor`.
 *
 * @module
 */
import { format as formatBytes } from "@std/fmt/bytes";
import type { NatsSettings } from "../../config/nats.ts";
import { checkNats, openNats } from "../../nats/connection.ts";
import { explainNatsError } from "../../nats/prepared.ts";
import { checkStream, findStream, manageStreams } from "../../nats/stream.ts";

const TIMEOUT_MS = 5000;
/** First nats-server with `sync_interval: always`. */
const SYNCS_SINCE = [2, 10, 23];

/** The risk of a power cut, by the server's version; a server does not report whether the option is set. */
export function describeSync(version: string): string {
  const parts = version.split(".").map(Number);
  const at = SYNCS_SINCE.findIndex((least, index) => parts[index] !== least);
  const canSync = at < 0 || parts[at] > SYNCS_SINCE[at];
  return canSync
    ? ", a power cut loses nothing acknowledged if its sync_interval is always"
    : `, a power cut loses what it acknowledged: only nats-server ${SYNCS_SINCE.join(".")} and newer can ` +
      "sync first (sync_interval: always)";
}

/**
 * Checks that the server answers, and the stream exists and accepts the records.
 *
 * @throws {Error} If not.
 */
export async function checkNatsStream(settings: NatsSettings): Promise<string> {
  const { natsStream: name } = settings;
  await using nats = openNats(settings, "barline doctor");
  let found;
  let details = "";
  try {
    const connection = await nats.connect();
    const started = performance.now();
    await checkNats(nats, AbortSignal.timeout(TIMEOUT_MS));
    const ms = (performance.now() - started).toFixed(1);
    const manager = await manageStreams(nats);
    found = await findStream(manager, name);
    details = `${nats.label}: nats-server ${connection.info!.version}, ` +
      `${connection.info!.tls_required ? "encrypted" : "not encrypted"}, answers in ${ms} ms`;
    details += describeSync(connection.info!.version);
    if (found !== undefined) {
      const { messages, bytes } = (await manager.streams.info(name)).state;
      details += `, stream ${name} holds ${messages} messages, ${formatBytes(bytes)} of ${
        formatBytes(found.max_bytes)
      }`;
    }
  } catch (error) {
    throw explainNatsError(nats.label, error);
  }
  if (found === undefined) {
    throw new Error(`there is no stream ${name} at ${nats.label}: run barline migrate --sink nats`);
  }
  checkStream(found);
  return details;
}
