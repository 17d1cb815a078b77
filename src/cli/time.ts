/**
 * Times on the command line.
 *
 * @module
 */
import { parseTimeOrDay } from "../records/time.ts";
import { UsageError } from "./command.ts";

/**
 * The time of a flag, in epoch ms: ISO 8601 with a zone, or a day, which begins at its midnight in UTC; `undefined`
 * without the flag.
 *
 * @throws {UsageError} If it is not a time.
 */
export function readTime(flags: ReadonlyMap<string, string | true>, name: string): number | undefined {
  const text = flags.get(name);
  if (typeof text !== "string") return undefined;
  const time = parseTimeOrDay(text);
  if (!Number.isNaN(time)) return time;
  throw new UsageError(
    `Cannot read --${name} as a time: current value is ${JSON.stringify(text)}, expected a day like 2024-01-02 or ` +
      "a time with its zone like 2024-01-02T14:30:00Z",
  );
}

/**
 * The times of `--from` and `--to`. `verb` names the command in the error.
 *
 * @throws {UsageError} If one is not a time, or the range is empty.
 */
export function readTimes(
  flags: ReadonlyMap<string, string | true>,
  verb: string,
): { readonly from: number | undefined; readonly to: number | undefined } {
  const [from, to] = [readTime(flags, "from"), readTime(flags, "to")];
  if (from === undefined || to === undefined || from < to) return { from, to };
  throw new UsageError(
    `Cannot ${verb} from ${flags.get("from")} to ${flags.get("to")}: expected a start before the end`,
  );
}
