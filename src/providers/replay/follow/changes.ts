/**
 * Watches directories: by the system's notifications, and by a slow poll for file systems without them, such as network
 * file systems.
 *
 * @module
 */
import { dirname } from "@std/path";
import { createCondition } from "../../../condition.ts";

/** Time between two polls, in milliseconds. */
const POLL_MS = 2000;

/** Changes of directories. */
export interface Changes extends Disposable {
  /** Resolves at the next change, poll or end. If called before a look, it misses no change after the look. */
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

/** Notifications of the system; without further ones of the system, none. */
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
