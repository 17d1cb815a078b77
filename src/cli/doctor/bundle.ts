/**
 * `barline doctor --bundle`: everything that a maintainer would ask for, in one JSON file without keys, passwords and
 * tokens.
 *
 * @module
 */
import { join } from "@std/path";
import { type Config, describeConfig, tenantsOf } from "../../config/load.ts";
import { readLetters } from "../../dead_letters/directory.ts";
import { deadLetterDirectory } from "../../dead_letters/files.ts";
import { groupLetters } from "../../dead_letters/group.ts";
import { tenantDirectory } from "../../storage/data_dir.ts";
import { writeAll } from "../../storage/durable_files.ts";
import { describeError } from "../../telemetry/log.ts";
import { VERSION } from "../../version.ts";
import type { Finding } from "./finding.ts";

/** Pages of a run about its state. */
const PAGES = ["/health", "/readyz", "/api/overview", "/metrics"];
const TIMEOUT_MS = 4000;
/** Most files of the data directory to list. */
const MAX_FILES = 2000;
/** Directory of the embedded database. */
const EMBEDDED = join("postgres", "/");
/** Most groups of dead letters to list, newest first. */
const MAX_GROUPS = 50;

/** Writes the file, which must not exist yet, accessible to its owner alone. */
export async function writeBundle(path: string, config: Config, findings: readonly Finding[]): Promise<void> {
  const bundle = {
    version: VERSION,
    deno: Deno.version,
    system: { os: Deno.build.os, arch: Deno.build.arch },
    at: new Date().toISOString(),
    findings,
    configuration: describeConfig(config),
    tenants: await Promise.all(
      tenantsOf(config).map(async (tenant) => ({
        name: tenant.settings.tenant,
        deadLetters: await orError(() => countLetters(tenant)),
      })),
    ),
    dataDirectory: await orError(() => listFiles(config.settings.dataDir)),
    run: config.settings.http === "off" ? "off" : await readPages(config),
  };
  using file = await create(path);
  await writeAll(file, new TextEncoder().encode(`${JSON.stringify(bundle, null, 2)}\n`));
  await file.sync();
}

/** @throws {Error} If the file exists, or cannot be created. */
async function create(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  } catch (cause) {
    const why = cause instanceof Deno.errors.AlreadyExists ? "it exists, name another" : describeError(cause);
    throw new Error(`Cannot write ${path}: ${why}`, { cause });
  }
}

async function countLetters({ settings }: Config) {
  const letters = readLetters(deadLetterDirectory(tenantDirectory(settings)));
  return (await groupLetters(letters, () => true, ["reason", "sqlstate", "provider"])).slice(0, MAX_GROUPS);
}

/** Files below the data directory, with sizes in bytes; those of the embedded database are one sum. */
async function listFiles(directory: string) {
  const files: { path: string; size: number; modified: string | undefined }[] = [];
  let embedded = 0;
  async function walk(below: string): Promise<void> {
    for await (const { name, isDirectory, isFile } of Deno.readDir(join(directory, below))) {
      const path = join(below, name);
      if (isDirectory) await walk(path);
      if (!isFile) continue;
      const { size, mtime } = await Deno.lstat(join(directory, path));
      if (path.startsWith(EMBEDDED)) embedded += size;
      else if (files.length < MAX_FILES) files.push({ path, size, modified: mtime?.toISOString() });
    }
  }
  await walk("");
  return { embedded, files };
}

/** Pages of the run at the configured address, by path. */
async function readPages({ settings: { http }, variable }: Config): Promise<Record<string, unknown>> {
  const token = variable("BARLINE_HTTP_TOKEN");
  const headers: HeadersInit = token ? { authorization: `Bearer ${token}` } : {};
  const pages = await Promise.all(PAGES.map(async (page) => {
    const answer = await orError(async () => {
      const response = await fetch(`http://${http}${page}`, {
        headers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        // The token is sent to this host alone.
        redirect: "error",
      });
      const text = await response.text();
      return response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text;
    });
    return [page, answer];
  }));
  return Object.fromEntries(pages);
}

/** The result, or the error as a value: an unreadable part does not hide the others. */
async function orError<T>(read: () => Promise<T>): Promise<T | { error: string }> {
  try {
    return await read();
  } catch (error) {
    return { error: describeError(error) };
  }
}
