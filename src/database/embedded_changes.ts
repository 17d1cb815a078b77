/**
 * Blocks of the files of a data directory that were written, so that a copy of the directory follows by copying these alone.
 *
 * @module
 */
import { writeSync } from "node:fs";

/** Size of a page of PostgreSQL, in bytes. */
export const BLOCK = 8192;
/** Blocks of one file beyond which the file counts as changed as a whole. */
const MOST_BLOCKS = 65_536;

/** Written blocks of a file by number, or `whole` for a file that was made, renamed or cut. */
export type FileChanges = Set<number> | "whole";
/** Changes by the path of the file. */
export type Changes = Map<string, FileChanges>;

/** Hears of writes, before they are made. */
export interface ChangeListener {
  /** Bytes of a file are written. */
  write(path: string, from: number, to: number): void;
  /** A file is made, renamed to this path, or cut. */
  replace(path: string): void;
}

/** Collects changes in memory; `onNew` hears of each that was not there yet. */
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
 * Writes changes to an open file, each before it is made: so they are known also where the program that makes them is
 * ended in the middle of a write.
 */
export function logChanges(fd: number): ChangeListener {
  const encoder = new TextEncoder();
  return collectChanges(
    new Map(),
    (path, block) => writeSync(fd, encoder.encode(`${JSON.stringify([path, block])}\n`)),
  );
}

/** Adds changes of a file that {@linkcode logChanges} has written. */
export function readChanges(text: string, changes: Changes): void {
  const collect = collectChanges(changes);
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [path, block] = JSON.parse(line) as [string, number | "whole"];
    if (block === "whole") collect.replace(path);
    else collect.write(path, block * BLOCK, block * BLOCK + 1);
  }
}
