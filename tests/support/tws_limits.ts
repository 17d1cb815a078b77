/**
 * What TWS and IBKR refuse, with the texts in which they do.
 *
 * @module
 */

/** A code and a text. */
export type Refusal = readonly [code: number, text: string];

/** A request for bars, as far as it is judged. */
export interface JudgedRequest {
  readonly symbol: string;
  readonly secType: string;
  readonly expiry: string;
  readonly multiplier: string;
  readonly includeExpired: boolean;
  readonly end: string;
  readonly barSize: string;
  readonly duration: string;
  readonly whatToShow: string;
  readonly keepUpToDate: boolean;
}

/** Limits that an account or a version may have otherwise. */
export interface TwsLimits {
  /** Historical requests that may be open at a time. @default {50} */
  openRequests?: number;
  /** Market data lines. @default {100} */
  lines?: number;
}

const VALIDATING = "Error validating request.-'bM' : cause - ";
const PROCESSING = "Error processing request.-'bM' : cause - ";
const PACING = "Historical data request pacing violation";
const WINDOW_MS = 10 * 60_000;

/** Largest counts of each unit for bars of so many seconds and shorter, by the table of step sizes. */
const LARGEST: readonly (readonly [seconds: number, largest: Record<string, number>])[] = [
  [5, { S: 3_600 }],
  [15, { S: 14_400 }],
  [30, { S: 28_800 }],
  [60, { S: 28_800, D: 1 }],
  [120, { S: 28_800, D: 2 }],
  [1_200, { S: 28_800, D: 2, W: 1 }],
  [28_800, { S: 28_800, D: 2, W: 1, M: 1 }],
  [86_400, { D: 2, W: 1, M: 1, Y: 1 }],
];

/** What TWS has open, and its clock. */
export interface TwsState {
  open(): number;
  lines(): number;
  now(): number;
}

/** Makes what judges the requests of all clients. */
export function createTwsJudge(limits: TwsLimits, { open, lines, now: clock }: TwsState) {
  const { openRequests = 50, lines: mostLines = 100 } = limits;
  const small: { at: number; key: string; contract: string }[] = [];
  const realTime: number[] = [];

  function contract({ symbol, secType, expiry, multiplier, includeExpired }: JudgedRequest): Refusal | undefined {
    if (secType !== "FUT") return undefined;
    if (symbol === "DAX" && multiplier === "") {
      return [200, `The contract description specified for ${symbol} is ambiguous`];
    }
    const month = new Date(clock()).toISOString().slice(0, 7).replace("-", "");
    if (expiry.slice(0, 6) >= month || includeExpired) return undefined;
    return [200, "No security definition has been found for the request"];
  }

  function pacing(request: JudgedRequest): Refusal | undefined {
    const now = clock();
    const { symbol, barSize, duration, end, whatToShow } = request;
    const key = [symbol, barSize, duration, end, whatToShow].join();
    const within = (ms: number) => small.filter(({ at }) => at > now - ms);
    const isTooMuch = within(WINDOW_MS).length >= 60 || within(15_000).some((each) => each.key === key) ||
      within(2_000).filter((each) => each.contract === symbol).length >= 5;
    small.push({ at: now, key, contract: symbol });
    return isTooMuch ? [162, `Historical Market Data Service error message:${PACING}`] : undefined;
  }

  return {
    history(request: JudgedRequest): Refusal | undefined {
      const { duration, barSize, end, keepUpToDate } = request;
      const [, count, unit] = /^(\d+) ([SDWMY])$/.exec(duration) ?? [];
      if (unit === undefined) {
        const text =
          "When specifying a unit, historical data request duration format is integer{SPACE}unit (S|D|W|M|Y).";
        return [321, VALIDATING + text];
      }
      const seconds = secondsOf(barSize);
      const [, largest] = LARGEST.find(([longest]) => seconds <= longest)!;
      if (Number(count) > (largest[unit] ?? 0)) {
        return [162, `Historical Market Data Service error message:invalid step: ${duration}/${barSize}`];
      }
      if (keepUpToDate && end !== "") return [321, `${VALIDATING}End date not supported with live updates`];
      if (open() >= openRequests) {
        return [322, `${PROCESSING}Only ${openRequests} simultaneous API historical data requests allowed.`];
      }
      return (seconds <= 30 ? pacing(request) : undefined) ?? contract(request);
    },
    realTime(request: JudgedRequest): Refusal | undefined {
      const now = clock();
      const recent = realTime.filter((at) => at > now - WINDOW_MS).length;
      realTime.push(now);
      if (recent >= 60) return [420, `Invalid Real-time Query:${PACING}`];
      if (lines() >= mostLines) return [101, "Max number of tickers has been reached."];
      return contract(request);
    },
  };
}

/** Length of bars of a size: `5 secs`, `1 min`, `2 hours`, `1 day`. */
function secondsOf(barSize: string): number {
  const [count, unit] = barSize.split(" ");
  return Number(count) * { sec: 1, min: 60, hour: 3_600, day: 86_400 }[unit.replace(/s$/, "")]!;
}
