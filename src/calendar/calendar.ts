/**
 * Trading calendars: the open times of a market, and thus its expected bars.
 *
 * Times are epoch milliseconds; ranges begin at their first moment and end before their last.
 *
 * @module
 */

const DAY_MS = 24 * 60 * 60_000;

/** A range of time: from `from` to before `to`, in epoch ms. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The open times of a market. */
export interface Calendar {
  /** For messages, as in "by the calendar us-equities". */
  readonly name: string;
  /** The sessions that overlap a range, whole and in order. A market that never closes has infinite ends. */
  sessions(from: number, to: number): Iterable<Range>;
  /** Whether the market is open at a moment. */
  isOpen(ms: number): boolean;
  /** How long the market is open within a range, in milliseconds. */
  openMs(from: number, to: number): number;
  /**
   * The starts of the bars expected in a range: for each run, one every `stepMs` from `from` to before `to`, all
   * multiples of `stepMs`. A bar is expected if any part of it lies in a session, which covers bars of an hour that
   * start at any minute. Bars of a day are expected on the day of a session's middle. A new run begins where the market
   * was closed.
   */
  starts(from: number, to: number, stepMs: number): Iterable<Range>;
}

/** Creates a calendar from its sessions. */
export function createCalendar(name: string, sessions: Calendar["sessions"]): Calendar {
  return {
    name,
    sessions,
    isOpen(ms) {
      for (const _ of sessions(ms, ms + 1)) return true;
      return false;
    },
    openMs(from, to) {
      let open = 0;
      for (const session of sessions(from, to)) open += Math.min(session.to, to) - Math.max(session.from, from);
      return open;
    },
    *starts(from, to, stepMs) {
      const first = Math.ceil(from / stepMs) * stepMs;
      let run: Range | undefined;
      for (const session of sessions(from, to)) {
        const span = spanOf(session, stepMs);
        const start = Math.max(Math.floor(span.from / stepMs) * stepMs, first);
        const end = Math.min(Math.ceil(span.to / stepMs), Math.ceil(to / stepMs)) * stepMs;
        if (start >= end) continue;
        if (run !== undefined && start <= run.to) {
          run = { from: run.from, to: end };
          continue;
        }
        if (run !== undefined) yield run;
        run = { from: start, to: end };
      }
      if (run !== undefined) yield run;
    },
  };
}

/** The part of a session in which its bars begin: a session that extends into the next day makes no bar of that day. */
function spanOf(session: Range, stepMs: number): Range {
  if (stepMs < DAY_MS || session.from === -Infinity) return session;
  const middle = (session.from + session.to) / 2;
  return { from: middle, to: middle + 1 };
}

/** A market that never closes. */
export const always: Calendar = createCalendar(
  "24/7",
  (from, to) => from < to ? [{ from: -Infinity, to: Infinity }] : [],
);
