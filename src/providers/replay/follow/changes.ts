/**
 * Changes in directories: by the system's notices, and by a slow poll for file systems without notices, as those of a
 * network.
 *
 * @module
 */
import { dirname } from "@std/path";

/** Between two polls, in milliseconds. */
const POLL_MS = 2000;

/** Changes of directories. */
export interface Changes extends Disposable {
  /** Resolves at the next change, poll or end. Asked for before a look, it misses nothing that happens after it. */
  next(): Promise<void>;
}

/** Watches the directories of paths until the signal aborts. */
export function watchChanges(paths: readonly string[], signal: AbortSignal, pollMs = POLL_MS): Changes {
  let { promise, resolve } = Promise.withResolvers<void>();
  const pulse = () => {
    const last = resolve;
    ({ promise, resolve } = Promise.withResolvers<void>());
    last();
  };
  const timer = setInterval(pulse, pollMs);
  const watchers = [...new Set(paths.map((path) => dirname(path)))].flatMap((directory) => watch(directory, pulse));
  const end = () => {
    clearInterval(timer);
    for (const watcher of watchers.splice(0)) watcher.close();
    pulse();
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return {
    next: () => signal.aborted ? Promise.resolve() : promise,
    [Symbol.dispose]() {
      signal.removeEventListener("abort", end);
      end();
    },
  };
}

/** Notices of the system; none where it has no more of them to give. */
function watch(directory: string, pulse: () => void): Deno.FsWatcher[] {
  let watcher: Deno.FsWatcher;
  try {
    watcher = Deno.watchFs(directory, { recursive: false });
  } catch {
    return [];
  }
  (async () => {
    // Reading is an access, too.
    for await (const { kind } of watcher) if (kind !== "access") pulse();
  })().catch(() => {});
  return [watcher];
}
