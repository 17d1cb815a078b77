/**
 * A dialect compiled for one file, with every decision made that a reader of its rows needs.
 *
 * @module
 */
import type { Dialect } from "./dialect.ts";
import type { Times } from "./times.ts";

/** The origin of a field's value; absent if the file does not have the field. */
export type Source =
  /** A column by its place from 0; several columns are added up. */
  | { readonly from: "column"; readonly places: readonly number[] }
  /** A key of an object: the first that the object has, each as the steps to it. */
  | { readonly from: "key"; readonly keys: readonly (readonly string[])[] }
  | { readonly from: "constant"; readonly value: string };

/** How to read the rows of one file. */
export interface Plan {
  /** The dialect with everything found in the file. It reads the file without another look. */
  readonly dialect: Dialect;
  /** Whether the rows are JSON objects, one a line, not delimited fields. */
  readonly isObjects: boolean;
  /** Lines before the first row. */
  readonly headerLines: number;
  readonly delimiter: string;
  /** Absent if quotes have no meaning. */
  readonly quote?: string;
  /** Prefix of lines that are not rows. */
  readonly comment?: string;
  /** Whether spaces around fields are ignored. */
  readonly trim: boolean;
  /** Number of fields of a row, if the header gives it. */
  readonly width?: number;
  /** Number of fields of most rows. */
  readonly usualWidth: number;
  /** Sources by the fields of the kind, in their order. If a time has two columns, its source is the date's. */
  readonly sources: readonly (Source | undefined)[];
  /** Column of the time of day, if it has its own. */
  readonly clock?: Source;
  /** Texts that stand for no value. */
  readonly nulls: ReadonlySet<string>;
  /** Reads a number's text; `NaN` for other texts. */
  readonly readNumber: (text: string) => number;
  /** Whether numbers are plain decimals, which a reader of bytes reads directly. */
  readonly isPlainNumbers: boolean;
  /** Factor of prices, and whether it applies only to those without a decimal mark. */
  readonly scale?: { readonly factor: number; readonly integersOnly: boolean };
  /** Whether the sign of prices is ignored. */
  readonly absolute: boolean;
  /** The timeframe that a text of the file stands for; `undefined` for other texts. */
  readonly timeframeOf: (text: string) => string | undefined;
  /** Reads the times of bars of a timeframe. */
  readonly timesOf: (timeframe: string) => Times;
}

/** The plan of a file, or what is missing for one. */
export type Planned =
  | { readonly ok: true; readonly plan: Plan; readonly findings: Findings }
  | { readonly ok: false; readonly questions: readonly Question[]; readonly line?: SampleLine };

/** Something that only the user knows. */
export interface Question {
  /** The missing fact, as a sentence without its end. */
  readonly missing: string;
  /** Flags that answer the question, as typed. */
  readonly answer: string;
}

/** A line to show beside questions. */
export interface SampleLine {
  readonly line: number;
  readonly text: string;
}

/** Findings about a file, for people. */
export interface Findings {
  /** Names of the header; empty without a header. */
  readonly header: readonly string[];
  /** Where the symbol comes from: `column ticker`, `path`, `--constant`. */
  readonly symbolFrom: string;
  readonly timeframeFrom: string;
  /** Whether Barline reads the file without any dialect. */
  readonly isNative: boolean;
}
