/**
 * The worker that runs a PostgreSQL for readers, on a copy of the embedded database's directory.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import type { PGlite } from "@electric-sql/pglite";
import { openSync } from "node:fs";
import { logChanges } from "../embedded_changes.ts";
import { startParameters, startPglite, SyncedDirectory } from "../embedded_files.ts";
import type { ReaderReply, ReaderRequest } from "./reader.ts";

let database: PGlite | undefined;

async function start({ directory, log, parameters, setUp }: Extract<ReaderRequest, { type: "start" }>): Promise<void> {
  const listener = logChanges(openSync(log, "a"));
  database = await startPglite({
    fs: new SyncedDirectory(directory, () => listener),
    startParams: startParameters(parameters),
  }, (line) => self.postMessage(line));
  await database.exec(setUp);
}

/** Runs messages, and returns the answer. */
async function run(messages: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  await database!.execProtocolRawStream(messages, {
    syncToFs: false,
    onRawData(data) {
      pieces.push(data.slice());
      length += data.length;
    },
  });
  const answer = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    answer.set(piece, at);
    at += piece.length;
  }
  return answer;
}

self.onmessage = async ({ data, ports: [port] }: MessageEvent<ReaderRequest>) => {
  const reply = (message: ReaderReply, transfer: Transferable[] = []) => port.postMessage(message, transfer);
  try {
    if (data.type === "start") {
      await start(data);
      reply({ ok: true, answer: new Uint8Array() });
    } else {
      const answer = await run(data.messages);
      reply({ ok: true, answer }, [answer.buffer]);
    }
  } catch (error) {
    reply({ ok: false, message: error instanceof Error ? error.message : String(error) });
  }
};
