/**
 * The meaning of TWS's message codes, by IBKR's "Message Codes" and experience with TWS.
 *
 * @module
 */

/**
 * The meaning of a message for the request that it names:
 * - `ignore`: no meaning;
 * - `empty`: no data exists;
 * - `later`: ask again later;
 * - `again`: the request has died, ask again;
 * - `full`: TWS has as many requests of that kind open as it allows;
 * - `refused`: the data is not available.
 */
export type Verdict = "ignore" | "empty" | "later" | "again" | "full" | "refused";

/** Codes of messages about the connection, which name no request. */
export const CODE = {
  clientIdInUse: 326,
  connectFailed: 502,
  outdated: 503,
  notConnected: 504,
  unreadable: 505,
  unsupported: 506,
  /** TWS has lost IBKR. */
  lost: 1100,
  /** TWS has reconnected to IBKR, and lost the subscriptions. */
  restoredWithout: 1101,
  /** TWS has reconnected to IBKR, and kept the subscriptions. */
  restoredWith: 1102,
  portChanged: 1300,
  /** TWS has lost its server, and will reconnect. */
  serverLost: 2110,
} as const;

/** Codes for farms of live data, of history and of definitions: broken, and working. */
const FARM_BROKEN = [2103, 2105, 2157];
const FARM_WELL = [2104, 2106, 2158];

/** Classifies an error of a request for bars. */
export function classify(code: number, text: string): Verdict {
  switch (code) {
    case 162: // The history service; only its text tells.
      if (/pacing violation/i.test(text)) return "later";
      if (/no data/i.test(text)) return "empty";
      // A cancelled request has no listener any more.
      if (/cancel/i.test(text)) return "again";
      return isPermission(code, text) ? "refused" : "later";
    case 420: // Permissions, pacing, or another session.
      return /pacing|different IP address/i.test(text) ? "later" : "refused";
    case 101: // No market data line is left.
      return "full";
    case 322: // Too many open requests, or the request's number is in use.
      if (/only \d+ simultaneous/i.test(text)) return "full";
      return /duplicate/i.test(text) ? "again" : "later";
    case 100: // Too many messages.
    case 10197: // Another session of the same user has the data.
      return "later";
    case 366: // TWS knows no such request.
    case 386: // The request's number is in use.
    case 10182: // Live updates have failed: they never resume, though the connection lives.
    case 10225: // Bust: the subscription is dead.
      return "again";
    case 165: // About the history service.
    case 10090: // A part of the data is not subscribed.
    case 10167: // Data is delayed.
      return "ignore";
    default: // 200 no such contract, 321 not valid, 354 not subscribed, and others of that kind.
      return code >= 2100 && code < 3000 ? "ignore" : "refused";
  }
}

/** Whether a refusal is due to a missing subscription to the data. */
export function isPermission(code: number, text: string): boolean {
  return code === 354 || code === 420 || /permission|no market data|not subscribed/i.test(text);
}

/** Reads a message about a data farm: its name, and whether it works. */
export function readFarm(code: number, text: string): { name: string; isWell: boolean } | undefined {
  const isWell = FARM_WELL.includes(code);
  if (!isWell && !FARM_BROKEN.includes(code)) return undefined;
  return { name: `${text.split(":").at(-1)?.trim()} ${[2103, 2104].includes(code) ? "live" : "other"}`, isWell };
}

const ZONE = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hour: "2-digit", minute: "2-digit" });

/** Whether it is the time of IBKR's nightly reset (23:45 to 1:45 in New York), when a lost connection is expected. */
export function isResetTime(at: number): boolean {
  const [hour, minute] = ZONE.format(at).split(":").map(Number);
  const minutes = hour % 24 * 60 + minute;
  return minutes >= 23 * 60 + 45 || minutes < 105;
}
