/**
 * Snapshots of option chains from Alpaca: REST `/v1beta1/options/snapshots/{underlying}`, after its documentation of option
 * data. The form of each field was taken from that documentation and not seen on the wire.
 *
 * @module
 */
import type { TokenBucket } from "../../pipeline/rate.ts";
import type { Rejected } from "../../records/frame.ts";
import type { OptionSnapshot } from "../../records/option.ts";
import { parseIso } from "../../records/time.ts";
import { errorWithoutKey } from "../live/transport/key.ts";
import type { PolledPage, PolledRecord } from "../live/transport/poll.ts";
import { type CallOutcome, createChain, getJson } from "../live/transport/rest.ts";

/** How to reach the snapshots. */
export interface AlpacaOptionsOptions {
  /** Address of Alpaca's data API, without a path. */
  url: string;
  key: string;
  secret: string;
  bucket: TokenBucket;
}

/** The most contracts of a page. */
const PAGE_LIMIT = 1000;
/** Root, yymmdd, C or P, a thousand times the strike. */
const CONTRACT = /^(.+?)(\d\d)(\d\d)(\d\d)([CP])(\d{8})$/;

/** Reads the chain of an underlying, page by page. */
export async function* readAlpacaChain(
  underlying: string,
  signal: AbortSignal,
  { url, key, secret, bucket }: AlpacaOptionsOptions,
  onCall: (outcome: CallOutcome) => void,
): AsyncGenerator<PolledPage<OptionSnapshot>> {
  const headers = { "APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret };
  const note = createChain("Alpaca's option chain");
  for (let token = "";;) {
    const page: URL = new URL(`${url}/v1beta1/options/snapshots/${encodeURIComponent(underlying)}`);
    page.searchParams.set("limit", `${PAGE_LIMIT}`);
    if (token !== "") page.searchParams.set("page_token", token);
    let body: SnapshotsPage;
    try {
      body = await getJson(page.href, { headers, signal, bucket, findFault, onCall }) as SnapshotsPage;
    } catch (error) {
      throw errorWithoutKey(errorWithoutKey(error, key), secret);
    }
    yield readSnapshots(underlying, body.snapshots);
    const { next_page_token: next } = body;
    if (typeof next !== "string" || next === "") return;
    note(next);
    token = next;
  }
}

/** A sound page. */
interface SnapshotsPage {
  snapshots: Record<string, unknown>;
  next_page_token?: unknown;
}

/** Why a body is not a {@linkcode SnapshotsPage}. */
function findFault(body: unknown): string | undefined {
  const { snapshots } = (body ?? {}) as Record<string, unknown>;
  return typeof snapshots !== "object" || snapshots === null ? "has no snapshots, expected an object" : undefined;
}

function readSnapshots(underlying: string, snapshots: Record<string, unknown>): PolledPage<OptionSnapshot> {
  const records: PolledRecord<OptionSnapshot>[] = [];
  const rejected: Rejected[] = [];
  for (const [symbol, item] of Object.entries(snapshots)) {
    const record = readSnapshot(underlying, symbol, item);
    if (typeof record === "string") rejected.push({ item: { symbol, ...(item as object) }, reason: record });
    else if (record !== undefined) records.push(record);
  }
  return { records, rejected };
}

/**
 * A contract's snapshot: `latestQuote` (`bp`, `ap`, `t`), `latestTrade` (`p`, `t`), `impliedVolatility`, `greeks`. Its
 * time is that of the newer of quote and trade; `undefined` without either.
 */
function readSnapshot(
  underlying: string,
  symbol: string,
  item: unknown,
): PolledRecord<OptionSnapshot> | string | undefined {
  const contract = CONTRACT.exec(symbol);
  if (contract === null) return "contract is not as documented";
  const { latestQuote, latestTrade, impliedVolatility, greeks } = (item ?? {}) as Record<
    string,
    Record<string, unknown>
  >;
  const times = [latestQuote?.t, latestTrade?.t].filter((time) => time !== undefined).map((time) =>
    parseIso(String(time))
  );
  if (times.length === 0) return undefined;
  if (times.some(Number.isNaN)) return "time of a quote or trade is not as documented";
  const [, , year, month, day, type, strike] = contract;
  const numbers = {
    bid: latestQuote?.bp,
    ask: latestQuote?.ap,
    last: latestTrade?.p,
    iv: impliedVolatility as unknown,
    delta: greeks?.delta,
    gamma: greeks?.gamma,
    theta: greeks?.theta,
    vega: greeks?.vega,
  };
  const given = Object.entries(numbers).filter(([, value]) => value !== undefined && value !== null);
  if (!given.every(([, value]) => Number.isFinite(value))) return "number of a snapshot is none";
  return {
    symbol,
    underlying,
    expiry: `20${year}-${month}-${day}`,
    type: type as "C" | "P",
    strike: Number(strike) / 1000,
    ts: Math.max(...times),
    ...Object.fromEntries(given),
  };
}
