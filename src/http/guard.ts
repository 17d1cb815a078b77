/**
 * Access to the pages.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isLoopback, TOKEN_VARIABLE } from "./address.ts";
import { createRateLimiter } from "./request_limit.ts";

/**
 * Callers allowed for a page: all; those at a loopback address, otherwise bearers of a token; only bearers of a token,
 * for changes; or only the bearer of the operator's token, for changes that affect all tenants.
 */
export type Access = "open" | "read" | "change" | "operate";

/** The caller. */
export interface Caller {
  /** The tenant of the request's token; absent for the operator, and for callers that may see all. */
  readonly tenant?: string;
}

/** Options of {@linkcode createGuard}. */
export interface GuardOptions {
  /** Host of the listener. */
  readonly hostname: string;
  /** The operator's current token. */
  readonly token: () => string | undefined;
  /** The tenant of each tenant token. */
  readonly tenantTokens?: () => ReadonlyMap<string, string>;
}

/** Checks requests before they are answered. */
export interface Guard {
  /** The refusal of any request from an address; `undefined` without one. */
  refuse(request: Request, url: URL, address: string): Response | undefined;
  /** The caller, or the refusal of its request. */
  admit(request: Request, address: string, access: Access): Caller | Response;
}

/** Far more than people, pages and scrapers need, and too little to disturb the program. */
const REQUESTS = { perSecond: 100, burst: 1000 };
/** Programs of the same machine could take its time anyway, and some poll in a loop. */
const LOCAL_REQUESTS = { perSecond: 5000, burst: 10_000 };
/** Headers by which a proxy names the caller. */
const PROXY_HEADERS = ["forwarded", "x-forwarded-for", "x-real-ip"];
/** Limit of wrong tokens: faster than typing, too slow for guessing. */
const WRONG_TOKENS = { perSecond: 0.5, burst: 10 };

/** Creates the guard. */
export function createGuard({ hostname, token, tenantTokens = () => new Map() }: GuardOptions): Guard {
  const requests = createRateLimiter(REQUESTS);
  const localRequests = createRateLimiter(LOCAL_REQUESTS);
  const wrongTokens = createRateLimiter(WRONG_TOKENS);
  // A token of a file may end with a newline; an empty one does not count.
  const readToken = () => token()?.trim() || undefined;
  const isPublic = !isLoopback(hostname);

  /** Compares digests, in the same time for any token; `undefined` for a wrong one. */
  function identify(request: Request): Caller | undefined {
    const given = /^Bearer +(.*\S)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (given === undefined) return undefined;
    const found = digest(given);
    const expected = readToken();
    if (expected !== undefined && timingSafeEqual(found, digest(expected))) return {};
    let caller: Caller | undefined;
    for (const [token, tenant] of tenantTokens()) if (timingSafeEqual(found, digest(token))) caller = { tenant };
    return caller;
  }

  return {
    refuse(request, url, address) {
      const seconds = (isLoopback(address) ? localRequests : requests).take(address);
      if (seconds > 0) return tooMany(seconds, "requests");
      // A page of a foreign name that leads here (DNS rebinding) reads nothing, since its requests carry that name.
      if (!isPublic && !isOwnHost(url, hostname) && identify(request) === undefined) {
        return refusal(403, "Cannot answer for that Host: expected localhost or 127.0.0.1, or the token");
      }
    },
    admit(request, address, access) {
      const caller = identify(request);
      if (access === "open") return caller ?? {};
      const tokens = tenantTokens();
      // If tenants have tokens, a caller without one may be any of them. Behind a proxy of this machine, it may be any
      // client.
      const isLocal = !isPublic && !PROXY_HEADERS.some((name) => request.headers.has(name));
      if (access === "read" && caller === undefined && isLocal && tokens.size === 0) return {};
      const isOperator = access === "operate" || access === "change" && tokens.size === 0;
      if (readToken() === undefined && isOperator && caller === undefined) {
        return refusal(403, `Cannot change anything: no ${TOKEN_VARIABLE} is set. Set it to a long random text`);
      }
      // Before the count of wrong tokens: others behind the same proxy must not lock out the bearer of the right one.
      if (caller !== undefined) {
        if (access !== "operate" || caller.tenant === undefined) return caller;
        return refusal(403, `Cannot do that for a tenant: it is for the bearer of the ${TOKEN_VARIABLE} alone`);
      }
      const seconds = wrongTokens.wait(address);
      if (seconds > 0) return tooMany(seconds, "wrong tokens");
      // A request without a token is not a guess.
      if (request.headers.has("authorization")) wrongTokens.take(address);
      return refusal(401, `Cannot answer without the token: send "Authorization: Bearer" and the ${TOKEN_VARIABLE}`, {
        "www-authenticate": 'Bearer realm="barline"',
      });
    },
  };
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function isOwnHost({ hostname: named }: URL, hostname: string): boolean {
  const host = named.replace(/^\[(.*)\]$/, "$1");
  return host === hostname || isLoopback(host) || host.endsWith(".localhost");
}

function tooMany(seconds: number, what: string): Response {
  return refusal(429, `Too many ${what} from this address: wait`, { "retry-after": String(Math.ceil(seconds)) });
}

function refusal(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(`${message}\n`, { status, headers });
}
