/**
 * Waiting for a state that nothing announces.
 *
 * @module
 */
import { delay } from "@std/async/delay";

/** Between two looks, in milliseconds: looks without a pause keep a core from what they wait for. */
const LOOK_EVERY_MS = 50;

/** Waits until `isSo` gives true. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await delay(LOOK_EVERY_MS);
}
