/**
 * Directories that name a value of all their rows, as in Hive: `symbol=BRK%2FB`.
 *
 * @module
 */

const encoder = new TextEncoder();

/**
 * Escapes a value as a part of a path: letters and digits of any script stay, other characters become `%` and two
 * digits.
 */
export function escapeHive(value: string): string {
  return value.replace(
    /[^\p{L}\p{N}._-]/gu,
    (each) =>
      Array.from(encoder.encode(each), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

/** The value of a key in the directories of a path; `undefined` if none has it. */
export function findHiveValue(path: string, key: string): string | undefined {
  const directory = path.split("/").slice(0, -1).findLast((each) => each.startsWith(`${key}=`));
  if (directory === undefined) return undefined;
  const text = directory.slice(key.length + 1);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
