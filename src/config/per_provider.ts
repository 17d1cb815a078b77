/**
 * Values that may differ between providers.
 *
 * @module
 */

/** One value for all providers, or a value for each by its name. */
export type PerProvider<T> = T | Readonly<Record<string, T>>;

/** Whether it is a mapping of names to values. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value of a provider, which may have several names; `undefined` without one. */
export function valueOf<T>(
  value: PerProvider<T>,
  names: readonly string[],
): T | undefined {
  if (!isMapping(value)) return value as T;
  const name = names.find((each) => Object.hasOwn(value, each));
  return name === undefined ? undefined : value[name];
}
