/**
 * The data directory: embedded database, dead letters and positions lie below it.
 *
 * @module
 */
import { join } from "@std/path";
import { makeDirectory } from "./durable_files.ts";

/**
 * Creates the directory where it is missing, readable by its owner alone, and makes sure that it can be written to.
 *
 * @throws {Error} If it cannot.
 */
export async function prepareDataDir(directory: string): Promise<void> {
  try {
    await makeDirectory(directory);
    const probe = join(directory, `.probe-${Deno.pid}`);
    await Deno.writeTextFile(probe, "");
    await Deno.remove(probe);
  } catch (error) {
    throw new Error(
      `Cannot write to the data directory "${directory}": ${(error as Error).message}. ` +
        "Give the right to write there, or choose another with --data-dir",
      { cause: error },
    );
  }
}
