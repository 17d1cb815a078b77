/**
 * The data directory: the embedded database lies below it, and for each tenant journal, dead letters and positions.
 *
 * @module
 */
import { join } from "@std/path";
import { makeDirectory } from "./durable_files.ts";

/** The tenant of a run without named tenants. */
export const DEFAULT_TENANT = "default";

/** Where a tenant's journal, dead letters and positions lie; those of the default one in the data directory itself. */
export function tenantDirectory({ dataDir, tenant }: { readonly dataDir: string; readonly tenant: string }): string {
  return tenant === DEFAULT_TENANT ? dataDir : join(dataDir, "tenants", tenant);
}

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
    const isFile = error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory;
    throw new Error(
      isFile
        ? `Cannot write to the data directory "${directory}": there is a file of that name, choose another with --data-dir`
        : `Cannot write to the data directory "${directory}": ${(error as Error).message}. ` +
          "Give the right to write there, or choose another with --data-dir",
      { cause: error },
    );
  }
}
