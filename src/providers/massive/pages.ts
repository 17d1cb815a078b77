/**
 * Massive's REST answers, which lead from page to page.
 *
 * @module
 */
import type { TokenBucket } from "../../pipeline/rate.ts";
import { FeedError } from "../live/feed.ts";
import { errorWithoutKey } from "../live/key.ts";
import { type CallOutcome, getJson, withoutQuery } from "../live/rest.ts";

/** How to reach Massive's REST API. */
export interface PageOptions {
  restUrl: string;
  key: string;
  bucket: TokenBucket;
  signal: AbortSignal;
  /** First wait before a request is repeated, in milliseconds. @default {1000} */
  backoffMs?: number;
  onCall?: (outcome: CallOutcome) => void;
}

/** The `results` of each page, from `path` (with its query) on. */
export async function* readPages(path: string, options: PageOptions): AsyncGenerator<readonly unknown[]> {
  const { restUrl } = options;
  for (let url: string | undefined = `${restUrl}${path}`; url !== undefined;) {
    const { rows, next }: { rows: unknown[]; next?: string } = await readPage(url, options);
    yield rows;
    if (next === url) throw new FeedError("Massive's history leads from a page to itself", { reason: "history" });
    url = next;
  }
}

async function readPage(url: string, options: PageOptions): Promise<{ rows: unknown[]; next?: string }> {
  const { signal, key, restUrl, bucket, backoffMs, onCall } = options;
  const headers = { authorization: `Bearer ${key}` };
  let body: { results?: unknown; next_url?: unknown; message?: unknown } | null;
  try {
    body = await getJson(url, {
      headers,
      signal,
      bucket,
      backoffMs,
      onCall,
      advise,
      isAnswer: isDenied,
    }) as typeof body;
    if (isDenied(403, body)) {
      const said = typeof body?.message === "string" ? `: ${body.message.slice(0, 200)}` : "";
      throw new FeedError(`The Massive plan does not include what was asked of ${withoutQuery(url)}${said}`, {
        reason: "entitlement",
      });
    }
  } catch (error) {
    throw errorWithoutKey(error, key);
  }
  // Where there is nothing there are no results.
  const { next_url: next, ...rest } = body ?? {};
  const results = rest.results ?? [];
  if (!Array.isArray(results)) throw new FeedError("Massive's history is not as documented", { reason: "history" });
  return { rows: results, next: typeof next === "string" && next !== "" ? rebase(next, restUrl) : undefined };
}

/** The next page's address names Massive's own host; the key goes to nobody but the host that is configured. */
function rebase(next: string, restUrl: string): string {
  if (next.startsWith(`${restUrl}/`)) return next;
  if (!URL.canParse(next, restUrl)) throw new FeedError("Massive's next page has no address", { reason: "history" });
  const { pathname, search } = new URL(next, restUrl);
  return `${restUrl}${pathname}${search}`;
}

/** Whether the plan does not go as far: back in time, up to now, or to that symbol. */
function isDenied(status: number, body: unknown): boolean {
  return status === 403 && (body as { status?: unknown } | null)?.status === "NOT_AUTHORIZED";
}

/** What to do about a refusal. The stream goes on without history. */
function advise(status: number): string | undefined {
  if (status === 401) return "check MASSIVE_API_KEY (or POLYGON_API_KEY)";
  if (status === 403) return "the plan has to include the symbol and how far back it is asked for";
}
