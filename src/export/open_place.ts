/**
 * Opens the place that an address names.
 *
 * @module
 */
import { openDirectoryPlace } from "./directory_place.ts";
import type { ExportPlace } from "./place.ts";

/** Opens a directory. */
export async function openPlace(address: string): Promise<ExportPlace> {
  return await Promise.resolve(openDirectoryPlace(address));
}
