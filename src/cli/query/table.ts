/**
 * Rows as a table for people.
 *
 * @module
 */
import type { OutputColumn, TableWriter, TextRow, WriteBytes } from "../../files/write/column.ts";
import { printable } from "../../telemetry/log.ts";

/** Rows that determine the widths of columns; later cells may be wider. */
const LOOKED_AT = 1000;

const NUMBERS = new Set<OutputColumn["type"]>(["double", "int32", "int64"]);

/** Writes a table: columns side by side, numbers to the right, and the number of rows. */
export function writeTable(columns: readonly OutputColumn[], write: WriteBytes): TableWriter {
  const encoder = new TextEncoder();
  let held: TextRow[] = [];
  let widths: number[] | undefined;
  let count = 0;

  const cell = (value: string | null) => value === null ? "" : printable(value);
  const line = (values: readonly string[]) =>
    values.map((value, at) =>
      NUMBERS.has(columns[at].type)
        ? value.padStart(widths![at])
        : at === values.length - 1
        ? value
        : value.padEnd(widths![at])
    ).join("  ");

  async function flush(): Promise<void> {
    const rows = held.map((row) => row.map(cell));
    held = [];
    let head = "";
    if (widths === undefined) {
      const names = columns.map(({ name }) => printable(name));
      widths = names.map((name, at) => rows.reduce((most, row) => Math.max(most, row[at].length), name.length));
      head = `${line(names).trimEnd()}\n${widths.map((width) => "-".repeat(width)).join("  ")}\n`;
    }
    await write(encoder.encode(head + rows.map((row) => `${line(row)}\n`).join("")));
  }

  return {
    async write(rows) {
      count += rows.length;
      held.push(...rows);
      if (held.length >= LOOKED_AT || widths !== undefined) await flush();
    },
    async end() {
      await flush();
      await write(encoder.encode(`(${count.toLocaleString("en-US")} ${count === 1 ? "row" : "rows"})\n`));
    },
  };
}
