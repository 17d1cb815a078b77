/**
 * Members of zip archives, also of over 4 GiB (APPNOTE.TXT 6.3.10, PKWARE: sections 4.3 and 4.4).
 *
 * @module
 */
import type { FileItem } from "./raw.ts";

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT = 65_535;
const MAX_DIRECTORY = 256 * 1024 * 1024;
const METHODS: Readonly<Record<number, "none" | "deflate" | "zstd">> = { 0: "none", 8: "deflate", 93: "zstd" };

/** The packing of a member. @throws {RangeError} If it is not supported. */
export function packingOfMember({ method, name }: NonNullable<FileItem["member"]>): "none" | "deflate" | "zstd" {
  const packing = METHODS[method];
  if (packing === undefined) throw new RangeError(`"${name}" is packed by method ${method}, expected deflate or zstd`);
  return packing;
}

/** Whether the file begins like a zip archive. */
export function isZip(path: string): boolean {
  using file = Deno.openSync(path);
  const head = new Uint8Array(4);
  const count = file.readSync(head);
  return count === 4 && head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5);
}

/**
 * The members of an archive that are files, in the order of its directory.
 *
 * @throws {RangeError} If the archive is not valid or is incomplete, or a member is encrypted.
 */
export function listMembers(path: string): FileItem[] {
  using file = Deno.openSync(path);
  const { size } = file.statSync();
  const read = (from: number, length: number): DataView => {
    if (from < 0 || length < 0 || from + length > size) throw truncated();
    file.seekSync(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = file.readSync(bytes.subarray(at));
      if (count === null) throw truncated();
      at += count;
    }
    return new DataView(bytes.buffer);
  };
  const { from, length, count } = findDirectory(read, size);
  if (length > MAX_DIRECTORY) throw new RangeError(`it is not valid zip: its directory has ${length} bytes`);
  const directory = read(from, length);
  const items: FileItem[] = [];
  let at = 0;
  for (let entry = 0; entry < count; entry++) {
    if (at + 46 > length || directory.getUint32(at, true) !== CENTRAL) throw truncated();
    const { next, ...member } = entryAt(directory, at);
    at = next;
    if (member.name.endsWith("/") || isSystem(member.name)) continue;
    if (member.isEncrypted) throw new RangeError(`"${member.name}" is encrypted: unpack it first`);
    const header = read(member.offset, 30);
    if (header.getUint32(0, true) !== LOCAL) throw truncated();
    const data = member.offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    if (data + member.packed > size) throw truncated();
    const { name, method, packed, size: unpacked } = member;
    items.push({ path, member: { name, from: data, length: packed, size: unpacked, method } });
  }
  return items;
}

/** Files that operating systems add. */
const isSystem = (name: string) => name.startsWith("__MACOSX/") || /(^|\/)\.DS_Store$/.test(name);
const truncated = () => new RangeError("it is not valid zip, or is incomplete");

function findDirectory(read: (from: number, length: number) => DataView, size: number) {
  const tailLength = Math.min(size, END_BYTES + MAX_COMMENT);
  const tail = read(size - tailLength, tailLength);
  for (let at = tailLength - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    const [count, length, from] = [
      tail.getUint16(at + 10, true),
      tail.getUint32(at + 12, true),
      tail.getUint32(at + 16, true),
    ];
    if (count !== 0xffff && length !== 0xffffffff && from !== 0xffffffff) return { count, length, from };
    const locator = read(size - tailLength + at - 20, 20);
    if (locator.getUint32(0, true) !== LOCATOR_64) throw truncated();
    const end = read(Number(locator.getBigUint64(8, true)), 56);
    if (end.getUint32(0, true) !== END_64) throw truncated();
    return {
      count: Number(end.getBigUint64(32, true)),
      length: Number(end.getBigUint64(40, true)),
      from: Number(end.getBigUint64(48, true)),
    };
  }
  throw truncated();
}

function entryAt(directory: DataView, at: number): ReturnType<typeof readEntry> {
  try {
    return readEntry(directory, at);
  } catch {
    // One of its lengths leads out of the directory.
    throw truncated();
  }
}

function readEntry(directory: DataView, at: number) {
  const flags = directory.getUint16(at + 8, true);
  const [nameLength, extraLength, commentLength] = [28, 30, 32].map((place) => directory.getUint16(at + place, true));
  const bytes = new Uint8Array(directory.buffer, at + 46, nameLength);
  // Names are in UTF-8 if a flag says so, otherwise mostly in ASCII.
  const name = new TextDecoder(flags & 0x800 ? "utf-8" : "windows-1252").decode(bytes);
  let [packed, size, offset] = [20, 24, 42].map((place) => directory.getUint32(at + place, true));
  const next = at + 46 + nameLength + extraLength + commentLength;
  for (let extra = at + 46 + nameLength; extra + 4 <= next - commentLength;) {
    const length = directory.getUint16(extra + 2, true);
    if (directory.getUint16(extra, true) === 1) {
      let place = extra + 4;
      const large = () => {
        place += 8;
        return Number(directory.getBigUint64(place - 8, true));
      };
      if (size === 0xffffffff) size = large();
      if (packed === 0xffffffff) packed = large();
      if (offset === 0xffffffff) offset = large();
    }
    extra += 4 + length;
  }
  return {
    name,
    packed,
    size,
    offset,
    next,
    method: directory.getUint16(at + 10, true),
    isEncrypted: (flags & 1) === 1,
  };
}
