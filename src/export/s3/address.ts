/**
 * Addresses in S3, and the account for them, by the same variables as in other programs.
 *
 * @module
 */

/** Where the bucket is named in a URL: in the path, or in the host name. */
export type S3Style = "path" | "virtual";

/** A prefix of a bucket, with its URL and account. */
export interface S3Target {
  readonly bucket: string;
  /** Without `/` at its ends; empty for the whole bucket. */
  readonly prefix: string;
  /** Base of the URLs of the bucket, without `/` at its end. */
  readonly base: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Reads a variable of the environment. */
export type ReadVariable = (name: string) => string | undefined;

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const DEFAULT_REGION = "us-east-1";

/** Whether an address is one of S3. */
export const isS3 = (address: string): boolean => address.startsWith("s3://");

/**
 * Reads an address like `s3://bucket/prefix`. Servers other than Amazon's are named by `AWS_ENDPOINT_URL_S3` or
 * `AWS_ENDPOINT_URL`, and get the bucket in the path, unless `?style=virtual` or `?style=path` overrides it.
 *
 * @throws {RangeError} If the address or a variable is wrong, or the keys are missing.
 */
export function readS3Address(address: string, variable: ReadVariable): S3Target {
  const [, bucket = "", rest = "", query = ""] = /^s3:\/\/([^/?]*)\/?([^?]*)\??(.*)$/.exec(address) ?? [];
  if (!BUCKET.test(bucket)) {
    throw new RangeError(`Cannot use "${address}": expected s3://BUCKET/PREFIX with the name of a bucket`);
  }
  const given = variable("AWS_ENDPOINT_URL_S3") ?? variable("AWS_ENDPOINT_URL");
  const region = variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ?? DEFAULT_REGION;
  // A certificate for all buckets of a host does not cover a bucket with a dot in its name.
  const style = readStyle(address, query) ?? (given === undefined && !bucket.includes(".") ? "virtual" : "path");
  const [accessKeyId, secretAccessKey] = [variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")];
  if (!accessKeyId || !secretAccessKey) {
    throw new RangeError(`Cannot use "${address}": set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`);
  }
  return {
    bucket,
    prefix: rest.replace(/^\/+|\/+$/g, ""),
    base: baseOf(readEndpoint(given, region), bucket, style),
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken: variable("AWS_SESSION_TOKEN") || undefined,
  };
}

function readStyle(address: string, query: string): S3Style | undefined {
  if (query === "") return undefined;
  if (query === "style=path") return "path";
  if (query === "style=virtual") return "virtual";
  throw new RangeError(`Cannot use "${address}": expected ?style=path, ?style=virtual, or nothing behind the prefix`);
}

function readEndpoint(given: string | undefined, region: string): URL {
  if (given === undefined) return new URL(`https://s3.${region}.amazonaws.com`);
  const url = URL.parse(given);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new RangeError(`Cannot use AWS_ENDPOINT_URL: current value is "${given}", expected http://… or https://…`);
}

function baseOf({ protocol, host, pathname }: URL, bucket: string, style: S3Style): string {
  const below = pathname.replace(/\/+$/, "");
  return style === "path" ? `${protocol}//${host}${below}/${bucket}` : `${protocol}//${bucket}.${host}${below}`;
}
