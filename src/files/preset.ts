/**
 * A preset declares a format of a vendor or program once, for the reader, the detection and the documentation.
 *
 * @module
 */
import type { ColumnRef, Dialect } from "./dialect.ts";

/** Properties that identify a format for certain: its first bytes, or its name and shape together. */
export interface Signature {
  /** Names that must all be in the header. */
  readonly header?: readonly string[];
  /** Names that must not be in the header. */
  readonly without?: readonly string[];
  /** Matches the first line. */
  readonly firstLine?: RegExp;
  /** Matches the second line. */
  readonly secondLine?: RegExp;
  /** Matches the name of the file, or of the member of an archive. */
  readonly name?: RegExp;
  /** Matches the path. */
  readonly path?: RegExp;
}

/** A format by its name. */
export interface Preset {
  readonly name: string;
  /** One line for the documentation: the origin of these files. */
  readonly about: string;
  readonly dialect: Dialect;
  /** Signatures, each enough on its own. @default {none: the format is only read with `--format`} */
  readonly signatures?: readonly Signature[];
  /** Flags that answer the questions about such a file, by role. */
  readonly answers?: Readonly<Record<string, string>>;
  /** The first lines of a file, for the documentation. */
  readonly example: readonly string[];
  /** Name of the example's file. */
  readonly file: string;
  /** Notes on its values, for the documentation and `inspect`. */
  readonly notes?: string;
}

/** The columns of the five values of every bar. */
export function ohlcv(
  open: ColumnRef,
  high: ColumnRef,
  low: ColumnRef,
  close: ColumnRef,
  volume: ColumnRef,
): Readonly<Record<string, ColumnRef>> {
  return { open, high, low, close, volume };
}
