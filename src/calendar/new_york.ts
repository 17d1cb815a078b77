/**
 * New York's clock by the rules in force since 1987: daylight saving from the first Sunday of April to the last of October
 * until 2006 (Uniform Time Act), since 2007 from the second Sunday of March to the first of November (Energy Policy Act
 * of 2005).
 *
 * A date is a number here, of days since 1970-01-01.
 *
 * @module
 */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Behind UTC in winter; an hour less in summer. */
const STANDARD_MINUTES = 5 * 60;

/** Days of the week, counted as by {@linkcode weekdayOf}. */
export const SUNDAY = 0, MONDAY = 1, TUESDAY = 2, WEDNESDAY = 3, THURSDAY = 4, FRIDAY = 5, SATURDAY = 6;

/** The date of a year, a month from 1 and a day from 1; month and day may exceed their ranges. */
export function dateOf(year: number, month: number, day: number): number {
  return Date.UTC(year, month - 1, day) / DAY_MS;
}

/** The year of a date. */
export function yearOf(date: number): number {
  return new Date(date * DAY_MS).getUTCFullYear();
}

/** The day of the week of a date, Sunday being 0. */
export function weekdayOf(date: number): number {
  return (((date + THURSDAY) % 7) + 7) % 7;
}

/** The first such weekday on or after a date. */
export function nextWeekday(date: number, weekday: number): number {
  return date + (weekday - weekdayOf(date) + 7) % 7;
}

/** The moment (epoch ms) when New York's clocks show `minutes` after midnight of a date, after 02:00. */
export function fromNewYork(date: number, minutes: number): number {
  return (date * 24 * 60 + minutes + STANDARD_MINUTES - (hasSummerTime(date) ? 60 : 0)) * MINUTE_MS;
}

/** Whether summer time is in force from 02:00 of a date on. */
function hasSummerTime(date: number): boolean {
  const year = yearOf(date);
  return year < 2007
    ? date >= nextWeekday(dateOf(year, 4, 1), SUNDAY) && date < nextWeekday(dateOf(year, 10, 25), SUNDAY)
    : date >= nextWeekday(dateOf(year, 3, 8), SUNDAY) && date < nextWeekday(dateOf(year, 11, 1), SUNDAY);
}
