/**
 * Changes in directories: by the system's notices, and by a slow poll for file systems without notices, as those of a
 * network.
 *
 * @module
 */
import { dirname } from "@std/path";
import { createCondition } from "../../../condition.ts";

/** Between two polls, in milliseconds. */
const POLL_MS = 2000;

/** Changes of directories. */
export interface Changes extends Disposable {
  /** Resolves at the next change, poll or end. Asked for before a look, it misses nothing that happens after it. */
  next(): Promise<void>;
}

/** Watches the directories of paths until the signal aborts. */
export function watchChanges(paths: readonly string[], signal: AbortSignal, pollMs = POLL_MS): Changes {
  const condition = createCondition();
  const timer = setInterval(condition.notify, pollMs);
  const directories = new Set(paths.map((path) => dirname(path)));
  const watchers = [...directories].flatMap((directory) => watch(directory, condition.notify));
  const end = () => {
    clearInterval(timer);
    for (const watcher of watchers.splice(0)) watcher.close();
    condition.notify();
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  return {
    next: () => condition.changed(signal),
    [Symbol.dispose]() {
      signal.removeEventListener("abort", end);
      end();
    },
  };
}

/** Notices of the system; none where it has no more of them to give. */
function watch(directory: string, notify: () => void): Deno.FsWatcher[] {
  let watcher: Deno.FsWatcher;
  try {
    watcher = Deno.watchFs(directory, { recursive: false });
  } catch {
    return [];
  }
  (async () => {
    // Reading is an access, too.
    for await (const { kind } of watcher) if (kind !== "access") notify();
  })().catch(() => {});
  return [watcher];
}
