/**
 * The program that users run, measured: the whole way from a file, as a process of its own.
 *
 * @module
 */
import type { BenchOptions } from "./barline.ts";

/** Measures the whole way from a file to the commit of its last row, in seconds. */
export type FromFile = (options: BenchOptions, file: string) => Promise<number>;

/**
 * Makes a measure of the binary, which leaves out the start of the process.
 *
 * @throws {Error} If there is no binary at `path`.
 */
export async function fromBinary(path: string): Promise<FromFile> {
  try {
    await Deno.stat(path);
  } catch (cause) {
    throw new Error(`Cannot measure the binary "${path}": run deno task compile, or give --from-source`, { cause });
  }
  return async ({ database, dataDir, workers, batchSize, journal = "off", traces }, file) => {
    const { success, stdout, stderr } = await new Deno.Command(path, {
      args: [
        ...["ingest", "--json", "--http", "off", "--log-level", "error", "--file", file, "--journal", journal],
        ...["--database", database, "--data-dir", dataDir, "--workers", String(workers)],
        ...["--batch-size", String(batchSize), "--capacity", String(Math.max(5000, batchSize * 2))],
      ],
      env: traces,
    }).output();
    const text = new TextDecoder();
    if (!success) throw new Error(`${path} failed: ${text.decode(stderr)}`);
    return JSON.parse(text.decode(stdout).trim().split("\n").at(-1)!).seconds;
  };
}
