/**
 * Trading calendars: when markets are open. Which one a symbol follows, its provider declares.
 *
 * @module
 */
export { always, type Calendar, type Range } from "./calendar.ts";
export { currencies } from "./currencies.ts";
export { usEquities, usEquitiesExtended } from "./us_equities.ts";
