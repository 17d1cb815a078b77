/**
 * What this process writes to standard error, for tests of the log.
 *
 * @module
 */

/** Takes what goes to standard error, until it is disposed of. */
export function captureStderr(): Disposable & { readonly lines: () => string[] } {
  const { writeSync } = Deno.stderr;
  let text = "";
  Deno.stderr.writeSync = (bytes) => {
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  return {
    lines: () => text.split("\n").slice(0, -1),
    [Symbol.dispose]: () => void (Deno.stderr.writeSync = writeSync),
  };
}
