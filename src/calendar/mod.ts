/**
 * Trading calendars: the open times of markets. A provider declares the calendar of each symbol.
 *
 * @module
 */
export { always, type Calendar, type Range } from "./calendar.ts";
export { currencies } from "./currencies.ts";
export { usEquities, usEquitiesExtended } from "./us_equities.ts";
