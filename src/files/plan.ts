/**
 * A dialect compiled for one file: all that a reader of its rows has to know, with nothing left to decide.
 *
 * @module
 */
import type { Dialect } from "./dialect.ts";
import type { Times } from "./times.ts";

/** Where the value of a field comes from; absent where the file has none. */
export type Source =
  /** A column by its place from 0; of several the sum. */
  | { readonly from: "column"; readonly places: readonly number[] }
  /** A key of an object: the first that is there, each as the steps to it. */
  | { readonly from: "key"; readonly keys: readonly (readonly string[])[] }
  | { readonly from: "constant"; readonly value: string };

/** How to read the rows of one file. */
export interface Plan {
  /** The dialect with all that was found in the file; what would read it without another look. */
  readonly dialect: Dialect;
  /** Whether the rows are objects of JSON, one a line, and not delimited fields. */
  readonly isObjects: boolean;
  /** Lines before the first row. */
  readonly headerLines: number;
  readonly delimiter: string;
  /** Absent where quotes mean nothing. */
  readonly quote?: string;
  /** Lines that begin with it are no rows. */
  readonly comment?: string;
  /** Whether spaces around fields do not count. */
  readonly trim: boolean;
  /** Number of fields of a row, where a header says it. */
  readonly width?: number;
  /** Number of fields of most rows. */
  readonly usualWidth: number;
  /** By the fields of the kind, in their order. The time's is that of the date where it is in two columns. */
  readonly sources: readonly (Source | undefined)[];
  /** Column of the time of day, where it has one of its own. */
  readonly clock?: Source;
  /** Texts that stand for no value. */
  readonly nulls: ReadonlySet<string>;
  /** Reads a number's text; `NaN` where it is none. */
  readonly readNumber: (text: string) => number;
  /** Whether numbers are plain decimals, so that a reader of bytes can take them as they are. */
  readonly isPlainNumbers: boolean;
  /** Factor of prices, and whether it is only for those without a decimal mark. */
  readonly scale?: { readonly factor: number; readonly integersOnly: boolean };
  /** Whether prices count without their sign. */
  readonly absolute: boolean;
  /** The timeframe that a text of the file stands for; `undefined` where it is none. */
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
  /** What is missing, as a sentence without its end. */
  readonly missing: string;
  /** Flags that answer it, as they would be typed. */
  readonly answer: string;
}

/** A line to show beside questions. */
export interface SampleLine {
  readonly line: number;
  readonly text: string;
}

/** What was found about a file, for people. */
export interface Findings {
  /** Names of the header; empty where there is none. */
  readonly header: readonly string[];
  /** Where the symbol comes from: `column ticker`, `path`, `--constant`. */
  readonly symbolFrom: string;
  readonly timeframeFrom: string;
  /** Whether the file is one that Barline reads without any dialect. */
  readonly isNative: boolean;
}
