/**
 * Functions of files for commands, besides the provider.
 *
 * @module
 */
export { findFiles, type FoundFiles, itemsOf } from "./files.ts";
export { inspectFile, type Inspection } from "./inspect.ts";
export type { RowSettings } from "./rows.ts";
