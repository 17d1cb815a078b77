/**
 * The parts of an option: its type in the schema, and its description for the command line, the environment and
 * the help.
 *
 * @module
 */
import { z } from "zod";

/** Description of an option, besides its type. */
export interface OptionMeta {
  /** Valid values, to end the sentence "expected …". */
  expected: string;
  /** One line of help. */
  help: string;
  /** Placeholder in the help. */
  value?: string;
  /** Further environment variables, after the one derived from the name (`batchSize` → `BARLINE_BATCH_SIZE`). */
  env?: readonly string[];
  /** Never shown in full; a function returns the part that may be shown. */
  secret?: true | ((value: unknown) => string);
  /** A list whose items may contain commas: each has its own flag, or is an item of a list in the file. */
  whole?: true;
}

/** An option of a type. */
export function option<T extends z.ZodType>(type: T, meta: OptionMeta): T {
  return type.meta({ description: meta.help, barline: meta });
}

/** A whole number from 1 on. */
export const positive = (help: string, value: number, max = 1_000_000_000) =>
  option(z.number().int().min(1).max(max).default(value), {
    expected: `a whole number from 1 to ${max}`,
    help,
    value: "N",
  });
/** A time in milliseconds, up to a day. */
export const milliseconds = (help: string, value: number, min = 0) =>
  option(z.number().min(min).max(86_400_000).default(value), {
    expected: `milliseconds from ${min} to 86400000`,
    help,
    value: "MS",
  });
/** A time in seconds, up to a day. */
export const seconds = (help: string, value: number) =>
  option(z.number().min(0.1).max(86_400).default(value), {
    expected: "seconds from 0.1 to 86400",
    help,
    value: "SECONDS",
  });
/** A share of a whole. */
export const part = (help: string) =>
  option(z.number().min(0).max(1), { expected: "a part from 0 to 1, as in 0.001", help, value: "PART" });
/** One of several words. */
export const choice = <const T extends readonly string[]>(values: T, value: T[number], help: string) =>
  option(z.enum(values).default(value as never), {
    expected: `one of ${values.join(", ")}`,
    help,
    value: values.join("|"),
  });
/** On or off. */
export const flag = (help: string) => option(z.boolean().default(false), { expected: "true or false", help });
/** Text that is not empty. */
export const text = (meta: OptionMeta) => option(z.string().min(1), meta);
/** A list of texts. */
export const list = (meta: OptionMeta) => option(z.array(z.string().min(1)), meta);
