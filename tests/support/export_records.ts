/**
 * Records of each kind with values that are easily lost on their way through files.
 *
 * @module
 */

const bar = { timeframe: "1m", open: 1, high: 2, low: 0.5, close: 1.5, volume: 100 };

/** See the module's description; as `ingest` reads them, one a line. */
export const RECORDS = {
  bar: [
    { ...bar, symbol: "BRK/B", ts: "2024-01-02T14:30:00Z", vwap: 1.25, trades: 7 },
    { ...bar, symbol: "BRK/B", ts: "2024-01-02T14:31:00.000001Z", status: "correction" },
    { ...bar, symbol: "BRK/B", ts: "2024-02-03T00:00:00Z", status: "provisional", volume: 0.1 + 0.2 },
    { ...bar, symbol: "BTC/USD", ts: "1969-12-31T23:59:00Z", fromHistory: 1, vwap: 1e-300, trades: 2147483647 },
    { ...bar, symbol: "BTC/USD", ts: "2024-01-02T23:59:59.999999Z", timeframe: "1h", high: 1.7e308, volume: 5e-324 },
    { ...bar, symbol: "..", ts: "2024-01-02T14:30:00Z" },
    { ...bar, symbol: "ÄÖ +^#=x", ts: "2024-01-02T14:30:00Z" },
    { ...bar, symbol: "007", ts: "2024-01-02T14:30:00Z" },
  ],
  option: [
    {
      ...{ underlying: "BRK/B", expiry: "2024-01-19", type: "put", strike: 187.5, ts: "2024-01-02T14:30:00.123456Z" },
      ...{ bid: 0, ask: 0.05, iv: 0.3, delta: -0.5, gamma: 0.01, theta: -1, vega: 2, openInterest: 10, volume: 3 },
    },
    { underlying: "SPX", expiry: "1999-12-31", type: "C", strike: 5, ts: "2024-01-02T14:30:00Z", spot: 4700.25 },
    { symbol: "own name", underlying: "SPX", expiry: "2040-02-29", type: "C", strike: 5, ts: "2024-01-02T14:30:00Z" },
  ],
  fundamental: [
    {
      ...{ symbol: "AAPL", ts: "2024-01-02T14:30:00Z", period: "2024Q1", totalAssets: 3.5e11, netIncome: -1, eps: 0 },
      items: { cash: 1.5, 'a "b", c': -2 },
    },
    { symbol: "AAPL", ts: "2024-01-02T14:30:00Z", period: "2024", totalLiabilities: 0.1 },
    { symbol: "BTC/USD", ts: "2024-01-02T14:30:00Z", period: 'TTM, "adj"' },
  ],
  news: [
    {
      symbol: "AAPL",
      ts: "2024-01-02T14:30:00Z",
      id: "1",
      headline: 'A "quoted", long\nheadline\r\n ä 漢 🎉',
      source: "x",
    },
    { symbol: "AAPL", ts: "2024-01-02T14:30:00Z", id: "0002", headline: " ", url: "https://example.com/?a=1&b=%20" },
    { symbol: "BRK/B", ts: "2024-01-03T14:30:00Z", id: "3", headline: "null" },
  ],
} as const;
