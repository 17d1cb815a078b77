/**
 * Files as they must not be: sound ones of every container, damaged at random.
 *
 * @module
 */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { createReplay } from "../../src/providers/replay.ts";
import { csvFile } from "../support/bars.ts";
import { recordsOf } from "../support/frames.ts";
import { DBN_FILE, zipOf } from "../support/containers.ts";
import { providerSettings } from "../support/providers.ts";
import { createContext } from "../providers/conformance.ts";
import { createRandom, type Random } from "./mutate.ts";

/** Rows of a sound file. */
const ROWS = 400;
const encoder = new TextEncoder();
const csv = encoder.encode(csvFile(ROWS));

/** Sound files, and how each may be told to be read. */
const SOUND: Readonly<Record<string, Uint8Array>> = {
  csv,
  gzip: new Uint8Array(gzipSync(csv)),
  zstd: new Uint8Array(zstdCompressSync(csv)),
  zip: zipOf({ "bars.csv": csv, "more.csv": csv }),
  dbn: DBN_FILE,
  json: encoder.encode(JSON.stringify({
    bars: { A: [{ t: "2024-01-02T14:30:00Z", o: 1, h: 2, l: 1, c: 1, v: 5 }] },
  })),
  parquet: encoder.encode(`PAR1${"x".repeat(200)}\0\0\0\0PAR1`),
  arrow: encoder.encode(`ARROW1\0\0${"\0".repeat(300)}ARROW1`),
};

/** The outcome of files. */
export interface FileTally {
  files: number;
  /** Files of which at least one bar was read. */
  read: number;
  /** Files that ended in an error. */
  refused: number;
}

/** Damages bytes: some are changed, cut off, repeated, or random ones put between them. */
function damage(sound: Uint8Array, random: Random): Uint8Array {
  let bytes = sound.slice();
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(bytes.length + 1);
    switch (random(6)) {
      case 0:
        bytes = bytes.slice(0, at);
        break;
      case 1:
        for (let count = 1 + random(8); count > 0; count--) {
          bytes[random(bytes.length)] = random(256);
        }
        break;
      case 2:
        bytes = join(bytes.subarray(0, at), noise(random, random(64)), bytes.subarray(at));
        break;
      case 3:
        bytes = join(bytes, bytes.subarray(at));
        break;
      case 4:
        // A length that lies: four bytes of ones or of a large number.
        for (let place = at; place < Math.min(at + 4, bytes.length); place++) {
          bytes[place] = random(2) === 0 ? 255 : 127;
        }
        break;
      case 5:
        bytes = join(bytes, noise(random, random(300)));
        break;
    }
  }
  return bytes;
}

const noise = (random: Random, length: number) => Uint8Array.from({ length }, () => random(256));

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Reads a file as the provider does: the bars, or a clear error. @throws {Error} If the error is of the reader's making. */
export async function readHostile(path: string): Promise<{
  bars: number;
  /** Why records were refused. */
  rejected: string[];
  error?: string;
}> {
  const provider = createReplay(providerSettings({ file: [path], refuseLimit: 100 }));
  let bars = 0;
  const rejected: string[] = [];
  try {
    for await (const frame of provider.open(createContext())) {
      bars += recordsOf(frame).length;
      if (rejected.length < 10) rejected.push(...frame.rejected.map(({ reason }) => reason));
    }
    return { bars, rejected };
  } catch (error) {
    const { message, cause } = error as Error;
    const isClear = /^Cannot read "/.test(message) || error instanceof AggregateError;
    if (!isClear || cause instanceof TypeError || cause instanceof ReferenceError) throw error;
    return { bars, rejected, error: message };
  }
}

/**
 * Reads that many damaged files of each container.
 *
 * @throws {Error} If one ends in anything but bars or a clear error; with its seed and number.
 */
export async function fuzzFiles(name: string, files: number, seed: number): Promise<FileTally> {
  const random = createRandom(seed);
  const tally: FileTally = { files: 0, read: 0, refused: 0 };
  const path = await Deno.makeTempFile({ prefix: "barline-fuzz-" });
  try {
    for (; tally.files < files; tally.files++) {
      const isNoise = random(20) === 0;
      await Deno.writeFile(path, isNoise ? noise(random, random(3000)) : damage(SOUND[name], random));
      try {
        const { bars, error } = await readHostile(path);
        if (bars > 0) tally.read++;
        if (error !== undefined) tally.refused++;
      } catch (error) {
        throw new Error(`${name}, seed ${seed}, file ${tally.files}: it ends in no clear error`, { cause: error });
      }
    }
  } finally {
    await Deno.remove(path);
  }
  return tally;
}

/** Names of the containers. */
export const CONTAINERS: readonly string[] = Object.keys(SOUND);
