/**
 * Problems of a configuration.
 *
 * @module
 */

/** Something wrong with the configuration. */
export interface ConfigProblem {
  readonly key: string;
  /** Where the value stands: a flag, a variable, a file. */
  readonly source: string;
  readonly message: string;
}

/** All that is wrong with the configuration. */
export class ConfigError extends Error {
  override name = "ConfigError";
  /** Makes the error of these problems. */
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(({ key, source, message }) => `Cannot use "${key}" from ${source}: ${message}`).join("\n"));
  }
}

/** The parts made of a configuration, or the problems that keep them from being made. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The value where there are no problems. */
export function resultOf<T>(value: T, problems: readonly ConfigProblem[]): Result<T> {
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}

/**
 * The value of a result.
 *
 * @throws {ConfigError} If it has problems.
 */
export function valueOrThrow<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new ConfigError(result.problems);
}
