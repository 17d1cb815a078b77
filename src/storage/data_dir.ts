/**
 * The data directory: it contains the embedded database, and journal, dead letters and positions of each tenant.
 *
 * @module
 */
import { join } from "@std/path";
import { makeDirectory } from "./durable_files.ts";

/** The tenant of a run without named tenants. */
export const DEFAULT_TENANT = "default";

/**
 * The directory of a tenant's journal, dead letters and positions; that of the default tenant is the data directory
 * itself.
 */
export function tenantDirectory({ dataDir, tenant }: { readonly dataDir: string; readonly tenant: string }): string {
  return tenant === DEFAULT_TENANT ? dataDir : join(dataDir, "tenants", tenant);
}

/**
 * Creates a missing directory, readable by its owner alone, and checks that it can be written to.
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
