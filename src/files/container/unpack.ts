/**
 * Unpacks gzip, zstd and deflate, recognized by their first bytes, in constant memory.
 *
 * @module
 */
import { createGunzip, createInflateRaw, createZstdDecompress } from "node:zlib";
import { Readable, type Transform } from "node:stream";
import { createFrameTracker } from "./zstd_frames.ts";

/** Bytes unpacked at a time: each chunk is a hop, and a frame comes from a single chunk. */
const CHUNK_BYTES = 256 * 1024;

/** How bytes are packed. */
export type Packing = "none" | "gzip" | "zstd" | "deflate";

/** The packing, by the first bytes. */
export function packingOf(head: Uint8Array): Packing {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return "zstd";
  return "none";
}

/** Bars shrink to a tenth of their size; a file that grows by more than this does not hold bars. */
const MAX_GROWTH = 500;
/** Bytes that may be unpacked before the growth counts. */
const FREE_BYTES = 256 * 1024 * 1024;

/**
 * Unpacks bytes.
 *
 * @throws {RangeError} If they are not valid, end too early, or grow more than bars can.
 */
export async function* unpack(packed: AsyncIterable<Uint8Array>, packing: Packing): AsyncGenerator<Uint8Array> {
  if (packing === "none") return yield* packed;
  const frames = packing === "zstd" ? createFrameTracker() : undefined;
  let bytesIn = 0;
  let bytesOut = 0;
  async function* count(): AsyncGenerator<Uint8Array> {
    for await (const chunk of packed) {
      bytesIn += chunk.length;
      frames?.add(chunk);
      // The reader runs ahead, so it needs bytes of its own.
      yield chunk.slice();
    }
  }
  const source = Readable.from(count());
  const unpacked: Transform = source.pipe(createUnpacker(packing));
  source.on("error", (error) => unpacked.destroy(error));
  try {
    for await (const chunk of unpacked) {
      bytesOut += chunk.length;
      if (bytesOut > FREE_BYTES && bytesOut > bytesIn * MAX_GROWTH) {
        throw new RangeError(
          `it unpacks to over ${MAX_GROWTH} times its size, which is too much for bars: ${bytesIn} bytes became ${bytesOut}`,
        );
      }
      yield chunk;
    }
    if (frames?.isWhole === false) {
      throw new RangeError("it is not valid zstd, or is incomplete: it ends in the middle");
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isOfPacking = code?.startsWith("Z_") || code?.startsWith("ZSTD") || message.startsWith("Zstd");
    if (!isOfPacking) throw error;
    throw new RangeError(`it is not valid ${packing}, or is incomplete: ${message}`, { cause: error });
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}

function createUnpacker(packing: Exclude<Packing, "none">): Transform {
  if (packing === "gzip") return createGunzip({ chunkSize: CHUNK_BYTES });
  return packing === "zstd"
    ? createZstdDecompress({ chunkSize: CHUNK_BYTES })
    : createInflateRaw({ chunkSize: CHUNK_BYTES });
}
