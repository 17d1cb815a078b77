/**
 * Records which blocks of a data directory's files were written, so that a copy of the directory only has to copy
 * those.
 *
 * @module
 */
import { writeSync } from "node:fs";

/** Size of a page of PostgreSQL, in bytes. */
export const BLOCK = 8192;
/** Number of blocks of a file from which on the whole file counts as changed. */
const MOST_BLOCKS = 65_536;

/** Written blocks of a file by number, or `whole` for a file that was created, renamed or truncated. */
export type FileChanges = Set<number> | "whole";
/** Changes by the path of the file. */
export type Changes = Map<string, FileChanges>;

/** Called before each write. */
export interface ChangeListener {
  /** Bytes of a file are about to be written. */
  write(path: string, from: number, to: number): void;
  /** A file is about to be created, renamed to this path, or truncated. */
  replace(path: string): void;
}

/** Collects changes in memory; calls `onNew` for each new one. */
export function collectChanges(
  changes: Changes,
  onNew: (path: string, block: number | "whole") => void = () => {},
): ChangeListener {
  const replace = (path: string) => {
    if (changes.get(path) === "whole") return;
    onNew(path, "whole");
    changes.set(path, "whole");
  };
  return {
    write(path, from, to) {
      let blocks = changes.get(path);
      if (blocks === "whole") return;
      if (blocks === undefined) changes.set(path, blocks = new Set());
      for (let block = Math.floor(from / BLOCK); block * BLOCK < to; block++) {
        if (blocks.has(block)) continue;
        onNew(path, block);
        blocks.add(block);
      }
      if (blocks.size > MOST_BLOCKS) replace(path);
    },
    replace,
  };
}

/**
 * Logs changes to an open file, each before it is made, so that none is lost if the program is killed during a write.
 */
export function logChanges(fd: number): ChangeListener {
  const encoder = new TextEncoder();
  return collectChanges(
    new Map(),
    (path, block) => writeSync(fd, encoder.encode(`${JSON.stringify([path, block])}\n`)),
  );
}

/** Adds the changes that {@linkcode logChanges} has written to a file. */
export function readChanges(text: string, changes: Changes): void {
  const collect = collectChanges(changes);
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [path, block] = JSON.parse(line) as [string, number | "whole"];
    if (block === "whole") collect.replace(path);
    else collect.write(path, block * BLOCK, block * BLOCK + 1);
  }
}
