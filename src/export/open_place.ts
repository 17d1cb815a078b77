/**
 * Opens the place that an address names.
 *
 * @module
 */
import { openDirectoryPlace } from "./directory_place.ts";
import type { ExportPlace } from "./place.ts";
import { isS3, readS3Address, type ReadVariable } from "./s3/address.ts";

/**
 * Opens a directory, or a prefix in S3.
 *
 * @throws {RangeError} If an address of S3 is wrong, or its keys are missing.
 */
export async function openPlace(address: string, variable: ReadVariable): Promise<ExportPlace> {
  if (!isS3(address)) return openDirectoryPlace(address);
  const target = readS3Address(address, variable);
  return (await import("./s3/place.ts")).openS3Place(target);
}
