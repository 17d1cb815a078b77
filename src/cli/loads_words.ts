/**
 * The load that a command line names.
 *
 * @module
 */
import type { LoadDetails } from "../database/load_read.ts";
import { type Invocation, UsageError } from "./command.ts";

/**
 * The number of the load that the command line names.
 *
 * @throws {UsageError} If it is missing.
 */
export function readId({ words: [action, word] }: Invocation): number {
  const id = Number(word);
  if (word !== undefined && Number.isSafeInteger(id) && id > 0) return id;
  const found = word === undefined ? "nothing" : `"${word}"`;
  throw new UsageError(
    `Cannot understand barline loads ${action}: expected the number of a load, found ${found}; barline loads lists them`,
  );
}

/**
 * The load, if it exists.
 *
 * @throws {UsageError} If it does not.
 */
export function known(load: LoadDetails | undefined, id: number): LoadDetails {
  if (load !== undefined) return load;
  throw new UsageError(`Cannot find load ${id}: barline loads lists them`);
}
