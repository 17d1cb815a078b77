/**
 * CRC-32C, the checksum of stored and sent bytes: it finds every error of up to 32 bits in a row, and all but one in
 * four billion of the others.
 *
 * @module
 */

/** The Castagnoli polynomial (RFC 3720, 12.1), its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256: a byte's remainder when 0 to 7 more bytes follow it ("slicing by 8"). */
const TABLES = (() => {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder >>> 1 ^ (remainder & 1 ? POLYNOMIAL : 0);
    tables[byte] = remainder;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256];
    tables[at] = before >>> 8 ^ tables[before & 0xff];
  }
  return tables;
})();

/** The checksum of the bytes from `from` to `to`, as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const tables = TABLES;
  let crc = -1;
  let at = from;
  for (const last = to - 8; at <= last; at += 8) {
    const low = crc ^ (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24);
    crc = tables[1792 + (low & 0xff)] ^ tables[1536 + (low >>> 8 & 0xff)] ^
      tables[1280 + (low >>> 16 & 0xff)] ^ tables[1024 + (low >>> 24)] ^
      tables[768 + bytes[at + 4]] ^ tables[512 + bytes[at + 5]] ^
      tables[256 + bytes[at + 6]] ^ tables[bytes[at + 7]];
  }
  for (; at < to; at++) crc = crc >>> 8 ^ tables[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}
