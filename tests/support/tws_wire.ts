/**
 * The wire of TWS: after the client's hello each frame is a length (32 bits, big endian) and fields of text that each end
 * with NUL.
 *
 * @module
 */

/** A frame of fields. */
export function encode(fields: readonly (string | number)[]): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(fields.map((field) => `${field}\0`).join(""));
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setInt32(0, body.length);
  frame.set(body, 4);
  return frame;
}

/** Frames in one piece. */
export function concat(frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(frames.flatMap((frame) => [...frame]));
}

/** Writes all bytes. */
export async function writeAll(socket: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}

/** The client's frames as fields; its hello is `API\0` and a frame of one field. */
export async function* readFrames(socket: Deno.TcpConn): AsyncGenerator<string[]> {
  let buffer = new Uint8Array();
  let isFirst = true;
  const chunk = new Uint8Array(64 * 1024);
  while (true) {
    const count = await socket.read(chunk);
    if (count === null) return;
    const grown = new Uint8Array(buffer.length + count);
    grown.set(buffer);
    grown.set(chunk.subarray(0, count), buffer.length);
    buffer = grown;
    while (buffer.length >= (isFirst ? 8 : 4)) {
      const at = isFirst ? 8 : 4;
      const length = new DataView(buffer.buffer, buffer.byteOffset).getInt32(at - 4);
      if (buffer.length < at + length) break;
      yield new TextDecoder().decode(buffer.subarray(at, at + length)).replace(/\0$/, "").split("\0");
      buffer = buffer.slice(at + length);
      isFirst = false;
    }
  }
}
