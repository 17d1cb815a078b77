/**
 * A directory as the place of an export.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { makeDirectory } from "../storage/durable_files.ts";
import { beginFile } from "../storage/pending_file.ts";
import type { ExportPlace } from "./place.ts";

/** Opens a directory, which is created with its first file. */
export function openDirectoryPlace(directory: string): ExportPlace {
  return {
    label: directory,
    async create(path) {
      const whole = join(directory, path);
      await makeDirectory(dirname(whole));
      return await beginFile(whole);
    },
    async open(path) {
      try {
        return (await Deno.open(join(directory, path))).readable;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    async findAny() {
      try {
        for await (const { name } of Deno.readDir(directory)) return name;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
  };
}
