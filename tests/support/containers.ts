/**
 * Containers of files, made without what reads them.
 *
 * @module
 */
import { crc32, deflateRawSync } from "node:zlib";

const encoder = new TextEncoder();

/** A zip archive of files, all deflated. */
export function zipOf(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const put = (length: number, fill: (view: DataView) => void) => {
    const bytes = new Uint8Array(length);
    fill(new DataView(bytes.buffer));
    return bytes;
  };
  for (const [name, content] of Object.entries(files)) {
    const packed = new Uint8Array(deflateRawSync(content));
    const path = encoder.encode(name);
    const sizes = (view: DataView, from: number) => {
      view.setUint16(from, 8, true);
      view.setUint32(from + 6, crc32(content), true);
      view.setUint32(from + 10, packed.length, true);
      view.setUint32(from + 14, content.length, true);
      view.setUint16(from + 18, path.length, true);
    };
    const local = put(30, (view) => {
      view.setUint32(0, 0x04034b50, true);
      sizes(view, 8);
    });
    directory.push(
      put(46, (view) => {
        view.setUint32(0, 0x02014b50, true);
        sizes(view, 10);
        view.setUint32(42, at, true);
      }),
      path,
    );
    parts.push(local, path, packed);
    at += local.length + path.length + packed.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = put(22, (view) => {
    view.setUint32(0, 0x06054b50, true);
    view.setUint16(8, directory.length / 2, true);
    view.setUint16(10, directory.length / 2, true);
    view.setUint32(12, length, true);
    view.setUint32(16, at, true);
  });
  return new Uint8Array([...parts, ...directory, end].flatMap((part) => [...part]));
}

/** A file that databento-dbn 0.72 wrote: one minute of AAPL, instrument 38. */
export const DBN_FILE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(
  "REJOA2ABAABYTkFTLklUQ0gAAAAAAAAABgAAEClVJY6mF///////////AAAAAAAAAAABAABHAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEAAABBQVBMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAEFBUEwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQAAAOXWNAFJ1zQBMzgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADiECACYAAAAAEClVJY6mF4BfApMrAAAAAPPepysAAAAAjhGKKwAAAAAx85srAAAAOTAAAAAAAAA=",
);
