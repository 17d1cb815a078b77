/**
 * Files over HTTP, whole or in part (RFC 9110, sections 13 and 14).
 *
 * @module
 */

/** A file that no longer changes. */
export interface ServedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Tag of its content, in quotes. */
  readonly etag: string;
  /** Further headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Bytes read at a time. */
const PIECE = 256 * 1024;

/** A part of a file: its first byte, and the byte after its last. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/** Answers a GET or HEAD with a file, with the requested part, or that the client's copy is current. */
export async function respondWithFile(
  request: Request,
  { path, size, etag, headers: more }: ServedFile,
): Promise<Response> {
  const headers: Record<string, string> = { ...more, etag, "accept-ranges": "bytes" };
  if (isKnown(request, etag)) return new Response(null, { status: 304, headers });
  const condition = request.headers.get("if-range");
  const range = condition === null || condition === etag ? request.headers.get("range") : null;
  const part = range === null ? undefined : readRange(range, size);
  if (part === "outside") {
    headers["content-range"] = `bytes */${size}`;
    return new Response(`Cannot give that range: the file has ${size} bytes\n`, { status: 416, headers });
  }
  const { from, to } = part ?? { from: 0, to: size };
  headers["content-length"] = String(to - from);
  if (part !== undefined) headers["content-range"] = `bytes ${from}-${to - 1}/${size}`;
  const status = part === undefined ? 200 : 206;
  if (request.method === "HEAD") return new Response(null, { status, headers });
  return new Response(await openPart(path, { from, to }), { status, headers });
}

function isKnown(request: Request, etag: string): boolean {
  const known = request.headers.get("if-none-match");
  if (known === null) return false;
  // Compared weakly (RFC 9110, section 13.1.2).
  return known.trim() === "*" || known.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

/** The part for a range; `undefined` for several, which may be answered by the whole, and for other units. */
function readRange(range: string, size: number): Part | "outside" | undefined {
  const [, first, last] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/.exec(range) ?? [];
  if (first === undefined || first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "outside" : { from: size - length, to: size };
  }
  const from = Number(first);
  const to = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < from) return undefined;
  return from >= size ? "outside" : { from, to };
}

async function openPart(path: string, { from, to }: Part): Promise<ReadableStream<Uint8Array>> {
  const file = await Deno.open(path);
  await file.seek(from, Deno.SeekMode.Start);
  let left = to - from;
  return new ReadableStream({
    async pull(controller) {
      const piece = new Uint8Array(Math.min(PIECE, left));
      const read = left === 0 ? null : await file.read(piece);
      if (read !== null) {
        left -= read;
        controller.enqueue(piece.subarray(0, read));
        if (left > 0) return;
      }
      file.close();
      controller.close();
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}
