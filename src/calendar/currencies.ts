/**
 * Trading hours of currencies at Interactive Brokers (IDEALPRO): from Sunday 17:15 in New York to Friday 17:00, with a
 * quarter of an hour of rest each day. Its few holidays are left out: their minutes prove to be without trades.
 *
 * @module
 */
import { type Calendar, createCalendar } from "./calendar.ts";
import { fromNewYork, SATURDAY, SUNDAY, weekdayOf } from "./new_york.ts";

const DAY_MS = 24 * 60 * 60_000;
const CLOSE = 17 * 60;
const OPEN = CLOSE + 15;

/** A session for each weekday, which begins the evening before. */
export const currencies: Calendar = createCalendar("currencies", function* (from, to) {
  const last = Math.floor((to - 1) / DAY_MS) + 1;
  for (let date = Math.floor(from / DAY_MS) - 1; date <= last; date++) {
    if (weekdayOf(date) === SATURDAY || weekdayOf(date) === SUNDAY) continue;
    const session = { from: fromNewYork(date - 1, OPEN), to: fromNewYork(date, CLOSE) };
    if (session.from < to && session.to > from) yield session;
  }
});
