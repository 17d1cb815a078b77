/**
 * Converts local times to UTC by a table of a zone's transitions, which takes one call of `Intl` a zone and year, not a
 * row.
 *
 * @module
 */
import type { Ambiguity } from "./dialect.ts";

/** A zone. */
export interface Zone {
  readonly name: string;
  /**
   * Epoch milliseconds of a local time, given as if it were UTC; `NaN` if it is not unique, which {@linkcode
   * Zone.explain} describes.
   */
  toUtc(wallMs: number): number;
  /** Why a local time does not exist, or exists twice; `undefined` if it exists once. */
  explain(wallMs: number): string | undefined;
}

/** A stretch of time with one offset from UTC. */
interface Stretch {
  readonly fromUtc: number;
  readonly toUtc: number;
  readonly offsetMs: number;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** Shorter than the distance of any two transitions of a zone, also of those around Ramadan. */
const PROBE_MS = 7 * DAY;
/** Largest offset of a zone from UTC. */
const MAX_OFFSET_MS = 27 * 60 * MINUTE;

const OFFSET = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?$/i;
const SHIFTED = /^(.*[A-Za-z_])([+-]\d{1,2}(?::?\d\d)?)h?$/;
const ABBREVIATION = /^[A-Z]{2,5}$/;

/**
 * Creates a zone from an IANA name (`America/New_York`), a fixed offset (`-05:00`), `UTC`, or a name with an offset
 * (`America/New_York+7`: seven hours ahead of New York, as the servers of many brokers are).
 *
 * @throws {RangeError} If the zone does not exist.
 */
export function createZone(name: string, ambiguous: Ambiguity = "refuse"): Zone {
  const fixed = readOffset(name);
  if (fixed !== undefined) return { name, toUtc: (wallMs) => wallMs - fixed, explain: () => undefined };
  const [, base = name, shift] = SHIFTED.exec(name) ?? [];
  const shiftMs = shift === undefined ? 0 : readOffset(shift)!;
  if (ABBREVIATION.test(base)) {
    throw new RangeError(`${base} means several zones, expected a name like America/New_York or an offset like -05:00`);
  }
  const stretchesAround = createStretches(base);
  /** Local times between these exist once, and are ahead of UTC by `offset`. */
  let from = NaN;
  let to = NaN;
  let offset = NaN;

  /** The instants that a local time may mean, each with whether its clock shows that time. */
  function candidates(wallMs: number): { utc: number; exists: boolean }[] {
    return stretchesAround(wallMs).map(({ fromUtc, toUtc, offsetMs }) => {
      const utc = wallMs - offsetMs;
      return { utc, exists: utc >= fromUtc && utc < toUtc };
    });
  }

  function find(wallMs: number): number {
    const all = candidates(wallMs);
    const existing = all.filter(({ exists }) => exists);
    if (existing.length === 1) {
      remember(wallMs, existing[0].utc);
      return existing[0].utc;
    }
    if (ambiguous === "refuse") return NaN;
    // In a gap, the candidates are those by the clocks on both sides.
    const near = existing.length > 0 ? existing : neighbours(wallMs, all.map(({ utc }) => utc));
    return near.reduce(
      (best, { utc }) => ambiguous === "earlier" ? Math.min(best, utc) : Math.max(best, utc),
      near[0].utc,
    );
  }

  /** Of instants that the clocks skip, those by the clock before and the clock after the gap. */
  function neighbours(wallMs: number, instants: readonly number[]): { utc: number }[] {
    const stretches = stretchesAround(wallMs);
    return stretches.flatMap((stretch, at) => {
      const next = stretches[at + 1];
      const isGap = next !== undefined && instants[at] >= stretch.toUtc && instants[at + 1] < next.fromUtc;
      return isGap ? [{ utc: instants[at] }, { utc: instants[at + 1] }] : [];
    });
  }

  function remember(wallMs: number, utc: number): void {
    const stretches = stretchesAround(wallMs);
    const at = stretches.findIndex(({ fromUtc, toUtc }) => utc >= fromUtc && utc < toUtc);
    const stretch = stretches[at];
    offset = stretch.offsetMs;
    // Local times near a transition may exist twice, so they are looked up.
    from = stretch.fromUtc + Math.max(offset, stretches[at - 1]?.offsetMs ?? offset);
    to = stretch.toUtc + Math.min(offset, stretches[at + 1]?.offsetMs ?? offset);
  }

  return {
    name,
    toUtc(wallMs) {
      const wall = wallMs - shiftMs;
      return wall >= from && wall < to ? wall - offset : find(wall);
    },
    explain(wallMs) {
      const wall = wallMs - shiftMs;
      const count = candidates(wall).filter(({ exists }) => exists).length;
      if (count === 1 || Number.isNaN(wall)) return undefined;
      return count === 0
        ? `does not exist in ${name}, where clocks are set forward`
        : `exists twice in ${name}, where clocks are set back: --ambiguous earlier or later chooses`;
    },
  };
}

/** Creates a function that caches zones: a table of transitions takes longer than a small file. */
export function createZones(): typeof createZone {
  const made = new Map<string, Zone>();
  return (name, ambiguous = "refuse") => {
    const key = `${ambiguous} ${name}`;
    let zone = made.get(key);
    if (zone === undefined) made.set(key, zone = createZone(name, ambiguous));
    return zone;
  };
}

/** Milliseconds of an offset like `-05:00` or `UTC`; `undefined` for other texts. */
function readOffset(name: string): number | undefined {
  if (/^(UTC|GMT|Z)$/i.test(name)) return 0;
  const [, sign, hours, minutes = "0"] = OFFSET.exec(name) ?? [];
  if (sign === undefined || Number(hours) > 26 || Number(minutes) > 59) return undefined;
  const ms = (Number(hours) * 60 + Number(minutes)) * MINUTE;
  return sign === "-" ? -ms : ms;
}

/** Creates a lookup of a zone's stretches around a local time. Its table grows by years. */
function createStretches(name: string): (wallMs: number) => readonly Stretch[] {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
      era: "short",
    });
  } catch {
    throw new RangeError(`there is no zone "${name}", expected a name like America/New_York or an offset like -05:00`);
  }
  const offsetAt = (utc: number) => {
    const parts = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, value]));
    const [year, month, day, hour, minute, second] = ["year", "month", "day", "hour", "minute", "second"].map((each) =>
      Number(parts[each])
    );
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(utc / 1000) * 1000;
  };
  const years = new Map<number, readonly Stretch[]>();

  /** The first instant of the interval from which on the clocks are those of its end. */
  function findTransition(before: number, after: number): number {
    const target = offsetAt(after);
    while (after - before > 1000) {
      const middle = Math.floor((before + after) / 2000) * 1000;
      if (offsetAt(middle) === target) after = middle;
      else before = middle;
    }
    return after;
  }

  function stretchesOf(year: number): readonly Stretch[] {
    const start = Date.UTC(year, 0, 1) - MAX_OFFSET_MS;
    const end = Date.UTC(year + 1, 0, 1) + MAX_OFFSET_MS;
    const stretches: Stretch[] = [];
    let from = start;
    let offsetMs = offsetAt(start);
    for (let at = start; at < end;) {
      const next = Math.min(at + PROBE_MS, end);
      if (offsetAt(next) !== offsetMs) {
        const changed = findTransition(at, next);
        stretches.push({ fromUtc: from, toUtc: changed, offsetMs });
        from = changed;
        offsetMs = offsetAt(next);
      }
      at = next;
    }
    stretches.push({ fromUtc: from, toUtc: end, offsetMs });
    return stretches;
  }

  return (wallMs) => {
    if (!(Math.abs(wallMs) < 8.64e15)) return [];
    const year = new Date(wallMs).getUTCFullYear();
    let stretches = years.get(year);
    if (stretches === undefined) years.set(year, stretches = stretchesOf(year));
    return stretches;
  };
}
