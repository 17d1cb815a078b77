/**
 * Signed requests to a bucket, repeated if the server is unreachable or asks to slow down.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { delay } from "@std/async/delay";
import { AwsClient } from "aws4fetch";
import type { S3Target } from "./address.ts";

/** Attempts of a request, and the first and longest wait between two, in milliseconds. */
const ATTEMPTS = 8;
const WAIT_MS = { first: 200, most: 10_000 };
/** Longest time of an attempt, in milliseconds: a part of a file over a slow line. */
const ANSWER_MS = 120_000;

/** A request. */
export interface S3Request {
  readonly method: "GET" | "PUT" | "POST" | "DELETE" | "HEAD";
  /** Name of the object in the bucket; empty for the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** A refusal of the server. */
export class S3Error extends Error {
  override name = "S3Error";
  constructor(message: string, readonly status: number, readonly code: string) {
    super(message);
  }
}

/** Sends requests. */
export interface S3Requests {
  /** The answer of a success. @throws {S3Error} If the server refuses; another error if it cannot be reached. */
  send(request: S3Request): Promise<Response>;
}

/** Whether another attempt may help. */
const isPassing = (status: number) => [408, 429, 500, 502, 503, 504].includes(status);

/** Creates the requests of a bucket. */
export function createRequests(target: S3Target, firstWaitMs = WAIT_MS.first): S3Requests {
  const { accessKeyId, secretAccessKey, sessionToken, region, base } = target;
  const signer = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region, service: "s3", retries: 0 });

  async function attempt({ method, key, query = {}, body }: S3Request): Promise<Response> {
    const path = key.split("/").map(encodeSegment).join("/");
    const search = new URLSearchParams(query).toString().replaceAll("+", "%20");
    const signed = await signer.sign(`${base}/${path}${search === "" ? "" : `?${search}`}`, {
      method,
      body,
      headers: { "x-amz-content-sha256": createHash("sha256").update(body ?? "").digest("hex") },
    });
    return await fetch(signed, { signal: AbortSignal.timeout(ANSWER_MS) });
  }

  return {
    async send(request) {
      for (let tried = 1;; tried++) {
        const isLast = tried === ATTEMPTS;
        try {
          const response = await attempt(request);
          if (response.ok) return response;
          const error = await readError(response, request, target);
          if (isLast || !isPassing(response.status)) throw error;
        } catch (error) {
          if (error instanceof S3Error) throw error;
          if (isLast) {
            throw new Error(`Cannot reach ${base}: ${(error as Error).message}`, { cause: error });
          }
        }
        const waitMs = Math.min(WAIT_MS.most, firstWaitMs * 2 ** (tried - 1));
        await delay(waitMs * (0.5 + Math.random() / 2));
      }
    },
  };
}

/** A part of a key in a URL, in the form for signatures. */
const encodeSegment = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);

async function readError(response: Response, { method, key }: S3Request, { bucket }: S3Target): Promise<S3Error> {
  const text = await response.text().catch(() => "");
  const code = textOf(text, "Code") ?? String(response.status);
  const message = textOf(text, "Message") ?? response.statusText;
  return new S3Error(
    `Cannot ${method} "${key}" in bucket "${bucket}": ${code}${message === "" ? "" : `, ${message}`}`,
    response.status,
    code,
  );
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const unescape = (text: string) =>
  text.replace(
    /&(?:(amp|lt|gt|quot|apos)|#(\d+)|#x([\da-f]+));/gi,
    (_, name, decimal, hex) =>
      name === undefined ? String.fromCodePoint(decimal ?? parseInt(hex, 16)) : ENTITIES[name.toLowerCase()],
  );

/** The text of the first element with the name; `undefined` without any. */
export function textOf(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml);
  return found === null ? undefined : unescape(found[1]);
}

/** The texts of all elements with the name. */
export function textsOf(xml: string, name: string): string[] {
  return Array.from(xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g")), ([, text]) => unescape(text));
}
