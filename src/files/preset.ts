/**
 * What a preset is: a format of the world, declared once for the reader, its detection and the documentation.
 *
 * @module
 */
import type { ColumnRef, Dialect } from "./dialect.ts";

/** How the first bytes of a file, or its name and shape together, say for sure which format it is. */
export interface Signature {
  /** Names that the header has, all of them. */
  readonly header?: readonly string[];
  /** Names that the header does not have. */
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
  /** One line for the documentation: whose files these are. */
  readonly about: string;
  readonly dialect: Dialect;
  /** Signatures, of which any one is sure. @default {none: the format is only read with `--format`} */
  readonly signatures?: readonly Signature[];
  /** Flags that answer what a file of it is asked, by role. */
  readonly answers?: Readonly<Record<string, string>>;
  /** The first lines of a file, for the documentation. */
  readonly example: readonly string[];
  /** Name of the file of the example. */
  readonly file: string;
  /** What to know of its values, for the documentation and `inspect`. */
  readonly notes?: string;
}

/** The columns of the five values that each bar has. */
export function ohlcv(
  open: ColumnRef,
  high: ColumnRef,
  low: ColumnRef,
  close: ColumnRef,
  volume: ColumnRef,
): Readonly<Record<string, ColumnRef>> {
  return { open, high, low, close, volume };
}
