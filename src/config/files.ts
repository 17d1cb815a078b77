/**
 * Options for the format of files.
 *
 * @module
 */
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { AMBIGUITIES, type Dialect, ENCODINGS, mergeDialects, STAMPS } from "../files/dialect.ts";
import { type KeyProblem, readDialect } from "../files/keys.ts";
import type { GivenFormat } from "../files/plan_file.ts";
import { presets } from "../files/presets/mod.ts";
import type { FILE_OPTIONS } from "./file_options.ts";
import { camelCase } from "./mapping.ts";
import { nearestWord } from "./nearest.ts";
import { option } from "./option.ts";

/** A text of any length, absent by default. */
const word = (expected: string, help: string, value: string) =>
  option(z.string().min(1).optional(), { expected, help, value });
/** Items, or in the file a mapping. */
const pairs = (expected: string, help: string, value: string) =>
  option(
    z.union([z.array(z.string().min(1)), z.record(z.string().min(1), z.union([z.string(), z.number()]))]).default([]),
    { expected, help, value, whole: true },
  );

/** The format of files. An absent option follows from the file, or the user is asked. */
export const fileOptions = {
  format: word(
    "the name of a format, or the path of a dialect file",
    "format of the files, by its name (docs/files.md lists them), or a YAML file that describes it [told from the file]",
    "NAME|FILE.yaml",
  ),
  delimiter: word(
    "one character, as in ; or tab",
    "character between the fields of a line [told from the file]",
    "CHAR",
  ),
  quote: word('one character, as in ", or none', 'character around fields that hold the delimiter ["]', "CHAR|none"),
  decimal: option(z.enum([".", ","]).optional(), {
    expected: "a point or a comma",
    help: "decimal mark of numbers [told from the file]",
    value: ".|,",
  }),
  thousands: word("one character, as in . or space", "character between groups of three digits [none]", "CHAR"),
  noHeader: option(z.boolean().default(false), {
    expected: "true or false",
    help: "read files that have no header line",
  }),
  skip: option(z.number().int().min(0).max(1000).optional(), {
    expected: "a number of lines up to 1000",
    help: "skip N lines before the header [0]",
    value: "N",
  }),
  comment: word("the beginning of a line", "leave out lines that begin with this text [none]", "TEXT"),
  null: option(z.array(z.string().min(1)).default([]), {
    expected: "texts, as in N/A",
    help: "read this text as no value (repeatable) [an empty field]",
    value: "TEXT",
    whole: true,
  }),
  column: pairs(
    "role=name, as in open=O",
    "name the column of symbol, timeframe, ts (or date and time), open, high, low, close, volume, vwap or trades, or " +
      "give its place from 1 on (repeatable) [by the header]",
    "ROLE=NAME",
  ),
  constant: pairs(
    "role=value, as in symbol=AAPL",
    "set a value that files do not have, for all their bars (repeatable) [none]",
    "ROLE=VALUE",
  ),
  symbolFrom: option(z.array(z.string().min(1)).default([]), {
    expected: "a pattern like {symbol}_{timeframe}.csv",
    help: "take symbol and timeframe from the path of a file by this pattern (repeatable) [none]",
    value: "PATTERN",
    whole: true,
  }),
  timeFormat: word(
    "a format like %d.%m.%Y %H:%M",
    "format of times, as for strptime [told from the file]",
    "FORMAT",
  ),
  timeZone: word(
    "a name like America/New_York, or an offset like -05:00",
    "time zone of times that do not state theirs [none: such files are refused]",
    "ZONE",
  ),
  ambiguous: option(z.enum(AMBIGUITIES).optional(), {
    expected: `one of ${AMBIGUITIES.join(", ")}`,
    help:
      "when clocks change, read a local time that exists twice or not at all as the earlier or the later one, or refuse it [refuse]",
    value: AMBIGUITIES.join("|"),
  }),
  stamp: option(z.enum(STAMPS).optional(), {
    expected: `one of ${STAMPS.join(", ")}`,
    help: "end of its bar that a time stands for [start of Barline's own columns; else the file is refused]",
    value: STAMPS.join("|"),
  }),
  priceScale: option(z.number().positive().optional(), {
    expected: "a number above 0",
    help: "multiply prices by this factor, as in 0.0001 [1]",
    value: "FACTOR",
  }),
  encoding: option(z.enum(ENCODINGS).optional(), {
    expected: `one of ${ENCODINGS.join(", ")}`,
    help: "encoding of the files [by the byte order mark, else utf-8]",
    value: "NAME",
  }),
} satisfies Record<typeof FILE_OPTIONS[number], z.ZodType>;

/** Values of the options, with older ones that belong to a dialect if they were given. */
export type FileSettings = { readonly [Name in typeof FILE_OPTIONS[number]]?: unknown } & {
  readonly timeUnit?: string;
  readonly timeframe?: string;
};

/** The format that the settings describe, or their problems. `roles` are the fields of the kind. */
export function readFormat(
  settings: FileSettings,
  roles: readonly string[],
): { readonly ok: true; readonly given: GivenFormat } | {
  readonly ok: false;
  readonly problems: readonly KeyProblem[];
} {
  const { format, ...flags } = settings;
  const keys: Record<string, unknown> = { ...flags };
  for (const [key, value] of Object.entries(keys)) {
    const isEmpty = value === false || Array.isArray(value) && value.length === 0;
    if (isEmpty) delete keys[key];
  }
  const own = readDialect(keys, roles);
  const base = format === undefined ? NOTHING : readNamed(String(format), roles);
  const problems = [own, base].flatMap((each) => each.ok ? [] : each.problems);
  if (!own.ok || !base.ok) return { ok: false, problems };
  return {
    ok: true,
    given: {
      preset: base.preset,
      isNamed: format !== undefined,
      name: format === undefined ? undefined : String(format),
      flags: own.dialect,
      dialect: mergeDialects(base.dialect, own.dialect),
    },
  };
}

type Named =
  | { readonly ok: true; readonly preset?: GivenFormat["preset"]; readonly dialect?: Dialect }
  | { readonly ok: false; readonly problems: readonly KeyProblem[] };

const NOTHING: Named = { ok: true };

function readNamed(format: string, roles: readonly string[]): Named {
  const preset = presets.get(format);
  if (preset !== undefined) return { ok: true, preset };
  if (!/[/\\]|\.ya?ml$/.test(format)) return refuse(explainUnknown(format));
  let values: unknown;
  try {
    values = parseYaml(Deno.readTextFileSync(format), { stringKeys: true });
  } catch (error) {
    const message = (error as Error).message.split("\n", 1)[0].replace(/:$/, "");
    return refuse(`current value is "${format}", which cannot be read: ${message}`);
  }
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    return refuse(`current value is "${format}", expected a file with a YAML mapping`);
  }
  const { format: base, ...rest } = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [camelCase(key), value]),
  );
  const named = base === undefined ? NOTHING : readNamed(String(base), roles);
  if (!named.ok) return named;
  const own = readDialect(rest, roles);
  if (!own.ok) {
    return {
      ok: false,
      problems: own.problems.map(({ key, message }) => ({ key: `format`, message: `${key}: ${message}` })),
    };
  }
  return { ok: true, preset: named.preset, dialect: mergeDialects(named.dialect, own.dialect) };
}

const refuse = (message: string): Named => ({ ok: false, problems: [{ key: "format", message }] });

function explainUnknown(format: string): string {
  const known = [...presets.keys()];
  const nearest = nearestWord(format, known);
  const meant = nearest === undefined ? "" : `: did you mean "${nearest}"?`;
  return `current value is "${format}", expected one of ${known.join(", ")}, or the path of a YAML file${meant}`;
}
