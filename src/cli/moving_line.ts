/**
 * A line of standard error that is written over and over, on a terminal.
 *
 * @module
 */

/** Time between two lines, in milliseconds. */
export const MOVING_EVERY_MS = 250;
/** Characters of a bar in the line. */
export const BAR_WIDTH = 20;
const CLEAR_LINE = "\r\x1b[2K";

/** See the module's description. */
export interface MovingLine {
  /** Writes the line in place of the one before. */
  show(text: string): void;
  /** Removes the line, so that another can be printed. */
  clear(): void;
}

/** Creates a line that is not shown yet. */
export function createMovingLine(): MovingLine {
  const encoder = new TextEncoder();
  const write = (text: string) => void Deno.stderr.writeSync(encoder.encode(text));
  let isShown = false;
  return {
    show(text) {
      // A line that wraps could not be cleared.
      write(`${CLEAR_LINE}${text.slice(0, Deno.consoleSize().columns - 1)}`);
      isShown = true;
    },
    clear() {
      if (isShown) write(CLEAR_LINE);
      isShown = false;
    },
  };
}
