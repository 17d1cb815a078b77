/**
 * Messages of PostgreSQL's protocol in a stream of bytes (PostgreSQL documentation, "Message Formats").
 *
 * @module
 */

/** Some bytes of one message. */
export interface Piece {
  /** The message's first byte as a character; empty for the first message of a client, which has none. */
  readonly type: string;
  /** Whether the message begins here. */
  readonly begins: boolean;
  readonly bytes: Uint8Array;
}

/** Makes a function that tells the messages apart in what one side sends, chunk after chunk. */
export function createMessageReader(side: "client" | "server"): (chunk: Uint8Array) => Generator<Piece> {
  let isFirst = side === "client";
  let pending: Uint8Array = new Uint8Array(0);
  let type = "";
  let left = 0;
  return function* (chunk) {
    let bytes = new Uint8Array(pending.length + chunk.length);
    bytes.set(pending);
    bytes.set(chunk, pending.length);
    while (bytes.length > 0) {
      const begins = left === 0;
      if (begins) {
        const typeLength = isFirst ? 0 : 1;
        // The length counts itself and not the type.
        if (bytes.length < typeLength + 4) break;
        type = String.fromCharCode(...bytes.subarray(0, typeLength));
        left = typeLength + new DataView(bytes.buffer, bytes.byteOffset).getUint32(typeLength);
        isFirst = false;
      }
      const piece = bytes.subarray(0, left);
      left -= piece.length;
      yield { type, begins, bytes: piece };
      bytes = bytes.subarray(piece.length);
    }
    pending = bytes;
  };
}
