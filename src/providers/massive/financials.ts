/**
 * Reports of companies from Massive: REST `/vX/reference/financials`, after its API documentation. The form of each field
 * was taken from that documentation and not seen on the wire.
 *
 * @module
 */
import type { Rejected } from "../../records/frame.ts";
import type { Fundamental } from "../../records/fundamental.ts";
import type { PolledPage, PolledRecord } from "../live/transport/poll.ts";
import { type PageOptions, readPages } from "./pages.ts";

/** The most reports of a page. */
const LIMIT = 100;
const DAY = /^\d{4}-\d\d-\d\d$/;

type Fields = Record<string, unknown>;

/** Reads the reports of a company, newest first, page by page. */
export async function* readMassiveFinancials(
  symbol: string,
  options: PageOptions,
): AsyncGenerator<PolledPage<Fundamental>> {
  const path = `/vX/reference/financials?ticker=${encodeURIComponent(symbol)}&limit=${LIMIT}`;
  for await (const rows of readPages(path, options)) {
    const records: PolledRecord<Fundamental>[] = [];
    const rejected: Rejected[] = [];
    for (const row of rows) {
      const record = readRow(symbol, (row ?? {}) as Fields);
      if (typeof record === "string") rejected.push({ item: row, reason: record });
      else records.push(record);
    }
    yield { records, rejected };
  }
}

/**
 * A report: `fiscal_period` (Q1 to Q4, FY, TTM), `fiscal_year`, `filing_date` (else `end_date`), and `financials`,
 * which are statements of figures `{ value, unit, label }` by name. It counts as known from the day of filing.
 */
function readRow(symbol: string, row: Fields): PolledRecord<Fundamental> | string {
  const { fiscal_period: period, fiscal_year: year, filing_date, end_date, financials } = row;
  if (typeof period !== "string" || !/^\d{4}$/.test(String(year))) return "period of a report is not as documented";
  const known = [filing_date, end_date].find((date) => typeof date === "string" && DAY.test(date));
  if (known === undefined) return "date of a report is not as documented";
  const figures = new Map<string, number>();
  for (const [statement, lines] of Object.entries((financials ?? {}) as Fields)) {
    for (const [name, line] of Object.entries((lines ?? {}) as Fields)) {
      const value = (line as Fields | null)?.value;
      if (typeof value === "number" && Number.isFinite(value)) figures.set(`${statement}.${name}`, value);
    }
  }
  const take = (...names: string[]) => names.map((name) => figures.get(name)).find((value) => value !== undefined);
  const named = {
    totalAssets: take("balance_sheet.assets"),
    totalLiabilities: take("balance_sheet.liabilities"),
    netIncome: take("income_statement.net_income_loss"),
    eps: take("income_statement.diluted_earnings_per_share", "income_statement.basic_earnings_per_share"),
  };
  return {
    symbol,
    period: period.startsWith("Q") ? `${year}${period}` : `${period}${year}`,
    ts: Date.parse(`${known}T00:00:00Z`),
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)),
    ...(figures.size === 0 ? {} : { items: Object.fromEntries(figures) }),
  };
}
