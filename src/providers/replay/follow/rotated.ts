/**
 * Finds a file again under its name after a rotation.
 *
 * @module
 */
import { basename, dirname, join } from "@std/path";
import type { FileItem } from "../../../files/container/raw.ts";
import type { PlanContext } from "../../../files/plan_file.ts";
import type { FilePlace } from "../framer.ts";
import { findStart } from "../start.ts";

/** Most files to check, the newest first. */
const MOST = 20;

/** The file beside `path` with the bytes read up to the place, also if it was packed meanwhile. */
export async function findRotated(path: string, place: FilePlace, plans: PlanContext): Promise<FileItem | undefined> {
  const name = basename(path);
  const stem = name.includes(".") ? name.slice(0, name.indexOf(".")) : name;
  const found: { path: string; changed: number }[] = [];
  for await (const entry of Deno.readDir(dirname(path))) {
    if (!entry.isFile || entry.name === name || !entry.name.startsWith(stem)) continue;
    const other = join(dirname(path), entry.name);
    const mtime = (await Deno.stat(other).catch(() => undefined))?.mtime;
    found.push({ path: other, changed: mtime?.getTime() ?? 0 });
  }
  found.sort((one, other) => other.changed - one.changed);
  for (const { path } of found.slice(0, MOST)) {
    const start = await findStart({ path }, place, plans, () => {}).catch(() => undefined);
    if (start !== undefined) return { path };
  }
}
