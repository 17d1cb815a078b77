/**
 * A chain of pages, each with the address of the next.
 *
 * @module
 */
import { FeedError } from "../feed.ts";

/**
 * Makes the memory of one chain. The function notes the token or address of the next page.
 *
 * @throws {FeedError} If the chain had that page before: it would never end.
 */
export function createChain(name: string): (next: string) => void {
  const seen = new Set<string>();
  return (next) => {
    if (seen.has(next)) throw new FeedError(`${name} repeats a page: the chain never ends`, { reason: "history" });
    seen.add(next);
  };
}
