/**
 * Rows of columns as objects, for validation and for people.
 *
 * @module
 */
import { type Columns, RECEIVED_AT } from "./columns.ts";
import { type Field, formatDay, isNumber, isText } from "./field.ts";
import type { SeriesKey } from "./record.ts";

/** Creates the class of views of rows, with a getter for each field. */
export function makeRow(fields: readonly Field[]) {
  class Row {
    readonly cells: Float64Array;
    readonly stride: number;
    constructor(readonly columns: Columns, public at: number) {
      this.cells = columns.cells;
      this.stride = columns.stride;
    }
    get series(): SeriesKey {
      return this.columns.series.keys[this.cells[this.at]];
    }
    get provider() {
      return this.series.provider;
    }
    get receivedAt() {
      return this.cells[RECEIVED_AT * this.stride + this.at];
    }
  }
  for (const field of fields) Object.defineProperty(Row.prototype, field.name, { get: getterOf(field) });
  return Row;
  type View = InstanceType<typeof Row>;

  function getterOf(field: Field): (this: View) => unknown {
    const { place, type, optional } = field;
    if (type === "symbol" || type === "timeframe") {
      return function () {
        return this.series[type];
      };
    }
    if (isText(field)) {
      return function () {
        const text = this.columns.texts[place][this.at];
        return type === "jsonb" && text !== undefined ? JSON.parse(text) : text;
      };
    }
    const values = field.values && Object.keys(field.values);
    if (values !== undefined || type === "date") {
      return function () {
        const cell = this.cells[place * this.stride + this.at];
        return Number.isNaN(cell) ? undefined : values === undefined ? formatDay(cell) : values[cell];
      };
    }
    if (!optional || !(isNumber(field) || type === "timestamptz")) {
      return function () {
        return this.cells[place * this.stride + this.at];
      };
    }
    return function () {
      const cell = this.cells[place * this.stride + this.at];
      return Number.isNaN(cell) ? undefined : cell;
    };
  }
}
