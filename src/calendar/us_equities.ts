/**
 * Trading hours of NYSE and Nasdaq from 2000 to 2030: by rules of the exchanges (NYSE rule 7.2 and their published
 * hours), and dates of exceptional events.
 *
 * The few minutes by which NYSE alone opened late or closed early (moments of silence, a computer failure in June 2005)
 * are left out: the same stocks traded elsewhere. Later decisions are unknown to this program.
 *
 * @module
 */
import { type Calendar, createCalendar, type Range } from "./calendar.ts";
import {
  dateOf,
  fromNewYork,
  MONDAY,
  nextWeekday,
  SATURDAY,
  SUNDAY,
  THURSDAY,
  WEDNESDAY,
  weekdayOf,
  yearOf,
} from "./new_york.ts";

const DAY_MS = 24 * 60 * 60_000;
/** Minutes after midnight in New York. */
const at = (hours: number, minutes = 0) => hours * 60 + minutes;
const REGULAR = { open: at(9, 30), close: at(16), earlyClose: at(13) };
/** Pre-market and after-hours trading at today's hours; before about 2005 they were shorter. */
const EXTENDED = { open: at(4), close: at(20), earlyClose: at(17) };

/** Days on which the exchanges were closed although no rule says so. */
const CLOSED_ONCE = [
  ...[11, 12, 13, 14].map((day) => dateOf(2001, 9, day)), // attacks of 11 September
  dateOf(2004, 6, 11), // mourning for Ronald Reagan
  dateOf(2007, 1, 2), // mourning for Gerald Ford
  dateOf(2012, 10, 29), // hurricane Sandy
  dateOf(2012, 10, 30),
  dateOf(2018, 12, 5), // mourning for George H. W. Bush
  dateOf(2025, 1, 9), // mourning for Jimmy Carter
];
/** Days on which they closed early although no rule says so: Fridays after a Thursday's holiday. */
const CLOSED_EARLY_ONCE = [dateOf(2002, 7, 5), dateOf(2003, 12, 26)];
/** They opened at noon after the ceremonies of the first anniversary. */
const OPENED_AT_NOON = dateOf(2002, 9, 11);

/** Special days of a year. */
interface Year {
  readonly closed: ReadonlySet<number>;
  readonly early: ReadonlySet<number>;
}

/** The regular session, 09:30 to 16:00 in New York, to 13:00 on half days. */
export const usEquities: Calendar = createHours("us-equities", REGULAR);

/** The same days from 04:00 to 20:00, to 17:00 on half days. */
export const usEquitiesExtended: Calendar = createHours("us-equities-extended", EXTENDED);

function createHours(name: string, hours: typeof REGULAR): Calendar {
  /** The session of each date that was asked about, made once: watches ask again and again. */
  const known = new Map<number, Range | undefined>();

  function* sessions(from: number, to: number): Generator<Range> {
    // A session may lie in the UTC day after its own.
    const last = Math.floor((to - 1) / DAY_MS);
    for (let date = Math.floor(from / DAY_MS) - 1; date <= last; date++) {
      if (!known.has(date)) known.set(date, sessionOf(date, hours));
      const session = known.get(date);
      if (session !== undefined && session.from < to && session.to > from) yield session;
    }
  }
  return createCalendar(name, sessions);
}

/** The session of a date; `undefined` on a day without one. */
function sessionOf(date: number, hours: typeof REGULAR): Range | undefined {
  if (weekdayOf(date) === SATURDAY || weekdayOf(date) === SUNDAY) return undefined;
  const { closed, early } = yearAt(date);
  if (closed.has(date)) return undefined;
  const open = date === OPENED_AT_NOON ? Math.max(hours.open, at(12)) : hours.open;
  return {
    from: fromNewYork(date, open),
    to: fromNewYork(date, early.has(date) ? hours.earlyClose : hours.close),
  };
}

const years = new Map<number, Year>();

/** The year of a date, made once. */
function yearAt(date: number): Year {
  const year = yearOf(date);
  let found = years.get(year);
  if (found === undefined) years.set(year, found = { closed: holidays(year), early: halfDays(year) });
  return found;
}

function holidays(year: number): Set<number> {
  const newYear = dateOf(year, 1, 1);
  return new Set([
    // The only one that is not moved to a Friday: that would be the last day of the year's accounts.
    weekdayOf(newYear) === SUNDAY ? newYear + 1 : newYear,
    nextWeekday(dateOf(year, 1, 15), MONDAY), // Martin Luther King Jr. Day
    nextWeekday(dateOf(year, 2, 15), MONDAY), // Washington's Birthday
    easter(year) - 2, // Good Friday
    nextWeekday(dateOf(year, 5, 25), MONDAY), // Memorial Day
    ...(year >= 2022 ? [observed(dateOf(year, 6, 19))] : []), // Juneteenth
    observed(dateOf(year, 7, 4)), // Independence Day
    nextWeekday(dateOf(year, 9, 1), MONDAY), // Labor Day
    thanksgiving(year),
    observed(dateOf(year, 12, 25)), // Christmas
    ...CLOSED_ONCE,
  ]);
}

function halfDays(year: number): Set<number> {
  const beforeIndependence = dateOf(year, 7, 3);
  const christmasEve = dateOf(year, 12, 24);
  const early = [thanksgiving(year) + 1, ...CLOSED_EARLY_ONCE];
  // Before 2013 not on a Wednesday. On a Friday the holiday of a Saturday is observed.
  if (weekdayOf(beforeIndependence) !== WEDNESDAY || year >= 2013) early.push(beforeIndependence);
  early.push(christmasEve);
  return new Set(early);
}

function thanksgiving(year: number): number {
  return nextWeekday(dateOf(year, 11, 22), THURSDAY);
}

/** The day on which a holiday is kept: of a Saturday the Friday before, of a Sunday the Monday after. */
function observed(date: number): number {
  if (weekdayOf(date) === SATURDAY) return date - 1;
  return weekdayOf(date) === SUNDAY ? date + 1 : date;
}

/** Easter Sunday, by the anonymous Gregorian computus as Meeus gives it (Astronomical Algorithms, chapter 8). */
function easter(year: number): number {
  const century = Math.floor(year / 100);
  const moon = year % 19;
  const epact = (19 * moon + century - Math.floor(century / 4) -
    Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3) + 15) % 30;
  const weekday = (32 + 2 * (century % 4) + 2 * Math.floor(year % 100 / 4) - epact - year % 4) % 7;
  const correction = Math.floor((moon + 11 * epact + 22 * weekday) / 451);
  return dateOf(year, 3, 22 + epact + weekday - 7 * correction);
}
