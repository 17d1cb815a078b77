/**
 * Keys of Alpaca's clients: the secret is a token of Barline.
 *
 * @module
 */
import type { Caller, Guard } from "../guard.ts";

/** The token of a request, by the headers that Alpaca's clients send; `undefined` without one. */
export function tokenOf(headers: Headers): string | undefined {
  const secret = headers.get("apca-api-secret-key");
  if (secret !== null) return secret;
  const [scheme, value = ""] = (headers.get("authorization") ?? "").split(" ");
  if (/^bearer$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return undefined;
  try {
    return atob(value).split(":").slice(1).join(":");
  } catch {
    return value;
  }
}

/**
 * Finds callers by a token, as other pages do by the header; a refusal is a response. If no token is needed, any is
 * accepted, as Alpaca's clients always send one.
 */
export function createAdmission(guard: Guard, request: Request, address: string) {
  // A request cannot be read once its connection is a WebSocket.
  const given = new Headers(request.headers);
  const { url } = request;
  return (token: string | undefined): Caller | Response => {
    const headers = new Headers(given);
    headers.delete("authorization");
    if (token !== undefined && token !== "") headers.set("authorization", `Bearer ${token}`);
    return guard.admit(new Request(url, { headers }), address, "read");
  };
}

/** Names of Alpaca's own feeds, which mean bars of all providers. Any other name is a provider's. */
const FEEDS = new Set([
  "iex",
  "sip",
  "delayed_sip",
  "otc",
  "boats",
  "overnight",
  "test",
  "us",
  "us-1",
  "eu-1",
  "global",
]);

/** The provider for a feed; `undefined` for all. */
export const providerOf = (feed: string | null | undefined): string | undefined =>
  feed === null || feed === undefined || FEEDS.has(feed) ? undefined : feed;
