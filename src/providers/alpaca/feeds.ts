/**
 * Alpaca's feeds of stocks.
 *
 * @module
 */

/** Which trades make the bars; `test` sends the made-up FAKEPACA day and night. */
export const FEEDS = ["iex", "sip", "delayed_sip", "test"] as const;
/** See {@linkcode FEEDS}. */
export type AlpacaFeed = typeof FEEDS[number];
