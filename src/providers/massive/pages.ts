/**
 * Reads chains of pages of Massive's REST API.
 *
 * @module
 */
import type { TokenBucket } from "../../pipeline/rate.ts";
import type { FeedClock } from "../live/clock.ts";
import { FeedError } from "../live/feed.ts";
import { errorWithoutKey } from "../live/transport/key.ts";
import { type CallOutcome, createChain, getJson, withoutQuery } from "../live/transport/rest.ts";

/** How to reach Massive's REST API. */
export interface PageOptions {
  restUrl: string;
  key: string;
  bucket: TokenBucket;
  signal: AbortSignal;
  clock?: FeedClock;
  /** First wait before a request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  /** Whether each page has a count of its results, so that one without either is not an answer. @default {false} */
  isCounted?: boolean;
  /** Called with each answer that lacks the bars of the last quarter of an hour. */
  onDelayed?: () => void;
  /** Called before each request. */
  onRequest?: () => void;
  onCall?: (outcome: CallOutcome) => void;
}

/** The fields of a page, each of an unknown form. */
type Page = Partial<Record<"status" | "results" | "resultsCount" | "queryCount" | "next_url" | "message", unknown>>;

/**
 * The `results` of each page, from `path` (with its query) on.
 *
 * @throws {FeedError} If a page is not sound (see {@linkcode findFault}), or leads to an earlier one.
 */
export async function* readPages(path: string, options: PageOptions): AsyncGenerator<readonly unknown[]> {
  const { restUrl } = options;
  const note = createChain("Massive's history");
  for (let url: string | undefined = `${restUrl}${path}`; url !== undefined;) {
    note(url);
    const { rows, next }: { rows: unknown[]; next?: string } = await readPage(url, options);
    yield rows;
    url = next;
  }
}

async function readPage(url: string, options: PageOptions): Promise<{ rows: unknown[]; next?: string }> {
  const { signal, clock, key, restUrl, bucket, backoffMs, isCounted = false, onRequest, onCall } = options;
  const headers = { authorization: `Bearer ${key}` };
  let body: Page;
  try {
    body = await getJson(url, {
      headers,
      signal,
      clock,
      bucket,
      backoffMs,
      onRequest,
      onCall,
      advise,
      isAnswer: isDenied,
      findFault: (body) => findFault(body, isCounted),
    }) as Page;
    if (isDenied(403, body)) {
      const said = typeof body.message === "string" ? `: ${body.message.slice(0, 200)}` : "";
      throw new FeedError(`The Massive plan does not include what was asked of ${withoutQuery(url)}${said}`, {
        reason: "entitlement",
      });
    }
  } catch (error) {
    throw errorWithoutKey(error, key);
  }
  if (body.status === "DELAYED") options.onDelayed?.();
  const { next_url: next } = body;
  return {
    rows: (body.results ?? []) as unknown[],
    next: typeof next === "string" && next !== "" ? rebase(next, restUrl) : undefined,
  };
}

/**
 * The problem of an unsound page. Without bars, `results` are `null` or left out; the counts must agree. `queryCount`
 * counts the base bars of the results; each result has one or more.
 */
export function findFault(body: unknown, isCounted: boolean): string | undefined {
  if (typeof body !== "object" || body === null) return "is no object";
  const { status, results, resultsCount, queryCount, next_url: next } = body as Page;
  if (status !== "OK" && status !== "DELAYED") {
    return `has status ${JSON.stringify(status)}, expected "OK" or "DELAYED"`;
  }
  const rows = results ?? [];
  if (!Array.isArray(rows)) return "has results that are no list";
  if (resultsCount !== undefined && resultsCount !== rows.length) {
    return `has ${rows.length} results, its resultsCount is ${JSON.stringify(resultsCount)}`;
  }
  if (isCounted && results === undefined && resultsCount !== 0) {
    return "has neither results nor a resultsCount of 0";
  }
  const isCountLess = typeof queryCount !== "number" || queryCount < rows.length;
  if (queryCount !== undefined && (isCountLess || (rows.length === 0 && queryCount > 0))) {
    return `has ${rows.length} results, its queryCount is ${JSON.stringify(queryCount)}`;
  }
  if (next !== undefined && next !== null && typeof next !== "string") return "has a next_url that is no text";
}

/** The next page's address names Massive's own host; the key is sent to the configured host alone. */
function rebase(next: string, restUrl: string): string {
  if (next.startsWith(`${restUrl}/`)) return next;
  if (!URL.canParse(next, restUrl)) throw new FeedError("Massive's next page has no address", { reason: "history" });
  const { pathname, search } = new URL(next, restUrl);
  return `${restUrl}${pathname}${search}`;
}

/** Whether the plan does not include the request: its time, or its symbol. */
function isDenied(status: number, body: unknown): boolean {
  return status === 403 && (body as { status?: unknown } | null)?.status === "NOT_AUTHORIZED";
}

/** Advice about a refusal. The stream continues without history. */
function advise(status: number): string | undefined {
  if (status === 401) return "check MASSIVE_API_KEY (or POLYGON_API_KEY)";
  if (status === 403) return "the plan has to include the symbol and how far back it is asked for";
}
