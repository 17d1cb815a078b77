/**
 * Trading calendars: when a market is open, and so which bars can be expected.
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

/** When a market is open. */
export interface Calendar {
  /** For messages, as in "by the calendar us-equities". */
  readonly name: string;
  /** The sessions that overlap a range, whole and in order. The ends of a market that never closes are infinite. */
  sessions(from: number, to: number): Iterable<Range>;
  /** Whether the market is open at a moment. */
  isOpen(ms: number): boolean;
  /** How long it is open within a range, in milliseconds. */
  openMs(from: number, to: number): number;
  /**
   * The starts of the bars to be expected in a range: of each run, one every `stepMs` from `from` to before `to`, all
   * multiples of `stepMs`. A bar is expected when any part of it lies in a session, so that bars of an hour are, too,
   * for any minute at which their provider starts them; bars of a day on the day in which the middle of a session lies. A
   * new run begins where the market was closed.
   */
  starts(from: number, to: number, stepMs: number): Iterable<Range>;
}

/** Makes a calendar of its sessions. */
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

/** The part of a session in which its bars begin: a session that reaches into the next day makes no bar of that day. */
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
