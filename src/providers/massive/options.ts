/**
 * Snapshots of option chains from Massive: REST `/v3/snapshot/options/{underlying}`, after its API documentation. The form
 * of each field was taken from that documentation and not seen on the wire.
 *
 * @module
 */
import type { Rejected } from "../../records/frame.ts";
import type { OptionSnapshot } from "../../records/option.ts";
import type { PolledPage, PolledRecord } from "../live/transport/poll.ts";
import { type PageOptions, readPages } from "./pages.ts";

/** The most contracts of a page. */
const LIMIT = 250;

type Fields = Record<string, unknown>;

/** Reads the chain of an underlying, page by page. */
export async function* readMassiveChain(
  underlying: string,
  options: PageOptions,
): AsyncGenerator<PolledPage<OptionSnapshot>> {
  const path = `/v3/snapshot/options/${encodeURIComponent(underlying)}?limit=${LIMIT}`;
  for await (const rows of readPages(path, options)) {
    const records: PolledRecord<OptionSnapshot>[] = [];
    const rejected: Rejected[] = [];
    for (const row of rows) {
      const record = readRow(underlying, (row ?? {}) as Fields);
      if (typeof record === "string") rejected.push({ item: row, reason: record });
      else if (record !== undefined) records.push(record);
    }
    yield { records, rejected };
  }
}

/**
 * A contract's snapshot: `details` (`ticker` as in `O:AAPL240119C00150000`, `contract_type`, `expiration_date`,
 * `strike_price`), `last_quote` and `last_trade` (times in ns), `day`, `greeks`, `implied_volatility`, `open_interest`,
 * `underlying_asset.price`. Its time is the newest of these times; `undefined` without any.
 */
function readRow(underlying: string, row: Fields): PolledRecord<OptionSnapshot> | string | undefined {
  const part = (name: string) => (row[name] ?? {}) as Fields;
  const { ticker, contract_type, expiration_date, strike_price } = part("details");
  const type = contract_type === "call" ? "C" : contract_type === "put" ? "P" : undefined;
  if (typeof ticker !== "string" || type === undefined || !Number.isFinite(strike_price)) {
    return "details of a contract are not as documented";
  }
  if (typeof expiration_date !== "string") return "details of a contract are not as documented";
  const [quote, trade, day, greeks, asset] = ["last_quote", "last_trade", "day", "greeks", "underlying_asset"].map(
    part,
  );
  const times = [quote.last_updated, trade.sip_timestamp, day.last_updated].filter((time) => time !== undefined);
  if (times.length === 0) return undefined;
  if (!times.every(Number.isFinite)) return "time of a snapshot is no number";
  const numbers = {
    bid: quote.bid,
    ask: quote.ask,
    last: trade.price ?? day.close,
    iv: row.implied_volatility,
    delta: greeks.delta,
    gamma: greeks.gamma,
    theta: greeks.theta,
    vega: greeks.vega,
    openInterest: row.open_interest,
    volume: day.volume,
    spot: asset.price,
  };
  const given = Object.entries(numbers).filter(([, value]) => value !== undefined && value !== null);
  if (!given.every(([, value]) => Number.isFinite(value))) return "number of a snapshot is none";
  return {
    symbol: ticker.replace(/^O:/, ""),
    underlying,
    expiry: expiration_date,
    type,
    strike: strike_price as number,
    // In microseconds, the precision of the database.
    ts: Math.round(Math.max(...times as number[]) / 1e3) / 1e3,
    ...Object.fromEntries(given),
  };
}
