/**
 * Problems of a configuration.
 *
 * @module
 */

/** A problem of the configuration. */
export interface ConfigProblem {
  readonly key: string;
  /** The source of the value: a flag, a variable, a file. */
  readonly source: string;
  readonly message: string;
}

/** All problems of the configuration. */
export class ConfigError extends Error {
  override name = "ConfigError";
  /** Creates the error from the problems. */
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(({ key, source, message }) => `Cannot use "${key}" from ${source}: ${message}`).join("\n"));
  }
}

/** A value, or the problems that prevent it. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The value if there are no problems. */
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
