/**
 * A prefix in S3 as the place of an export: an object exists once it is whole.
 *
 * @module
 */
import type { PendingFile } from "../../storage/pending_file.ts";
import type { ExportPlace } from "../place.ts";
import type { S3Target } from "./address.ts";
import { createRequests, S3Error, type S3Requests, textOf, textsOf } from "./requests.ts";

/** Bytes of a part; a file has at most 10,000 parts, so at most 156 GiB. */
const PART_BYTES = 16 * 1024 * 1024;

/** Opens a prefix. `partBytes` is the size of a part; servers require at least 5 MiB. */
export function openS3Place(target: S3Target, { partBytes = PART_BYTES } = {}): ExportPlace {
  const requests = createRequests(target);
  const { bucket, prefix } = target;
  const keyOf = (path: string) => prefix === "" ? path : `${prefix}/${path}`;
  return {
    label: `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`,
    create: (path) => Promise.resolve(createObject(requests, keyOf(path), partBytes)),
    async open(path) {
      try {
        return (await requests.send({ method: "GET", key: keyOf(path) })).body ?? new Blob([]).stream();
      } catch (error) {
        if (error instanceof S3Error && error.status === 404 && error.code !== "NoSuchBucket") return undefined;
        throw error;
      }
    },
    async findAny() {
      const query = { "list-type": "2", "max-keys": "1", prefix: prefix === "" ? "" : `${prefix}/` };
      const response = await requests.send({ method: "GET", key: "", query });
      return textOf(await response.text(), "Key");
    },
  };
}

/** An object in one request if it is small, otherwise in parts. */
function createObject(requests: S3Requests, key: string, partBytes: number): PendingFile {
  let held: Uint8Array[] = [];
  let bytes = 0;
  let upload: string | undefined;
  const etags: string[] = [];

  function take(): Uint8Array<ArrayBuffer> {
    const body = new Uint8Array(bytes);
    let at = 0;
    for (const piece of held) {
      body.set(piece, at);
      at += piece.length;
    }
    [held, bytes] = [[], 0];
    return body;
  }

  async function sendPart(): Promise<void> {
    if (upload === undefined) {
      await abortOthers(requests, key);
      const response = await requests.send({ method: "POST", key, query: { uploads: "" } });
      upload = textOf(await response.text(), "UploadId");
      if (upload === undefined) throw new Error(`Cannot begin the upload of "${key}": the answer has no UploadId`);
    }
    const query = { partNumber: String(etags.length + 1), uploadId: upload };
    const response = await requests.send({ method: "PUT", key, query, body: take() });
    await response.body?.cancel();
    etags.push(response.headers.get("etag") ?? "");
  }

  return {
    async write(piece) {
      held.push(piece);
      bytes += piece.length;
      if (bytes >= partBytes) await sendPart();
    },
    async commit() {
      if (upload === undefined) {
        const response = await requests.send({ method: "PUT", key, body: take() });
        return await response.body?.cancel();
      }
      if (bytes > 0) await sendPart();
      const parts = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
      const body = new TextEncoder().encode(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`);
      const response = await requests.send({ method: "POST", key, query: { uploadId: upload }, body });
      const text = await response.text();
      // A failure may follow the head of a success.
      const code = textOf(text, "Code");
      if (code !== undefined) throw new Error(`Cannot complete "${key}": ${code}, ${textOf(text, "Message") ?? ""}`);
    },
    async discard() {
      if (upload !== undefined) await abort(requests, key, upload).catch(() => {});
      [held, bytes] = [[], 0];
    },
  };
}

async function abort(requests: S3Requests, key: string, uploadId: string): Promise<void> {
  const response = await requests.send({ method: "DELETE", key, query: { uploadId } });
  await response.body?.cancel();
}

/** Aborts uploads of the same object that a killed run has left, whose parts would be stored and charged. */
async function abortOthers(requests: S3Requests, key: string): Promise<void> {
  try {
    const response = await requests.send({ method: "GET", key: "", query: { uploads: "", prefix: key } });
    const uploads = (await response.text()).split("<Upload>").slice(1);
    for (const upload of uploads) {
      const [id] = textsOf(upload, "UploadId");
      if (textOf(upload, "Key") === key && id !== undefined) await abort(requests, key, id);
    }
  } catch {
    // Not every server or account can list them.
  }
}
