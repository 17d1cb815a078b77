/**
 * Processor time of processes, from `/proc` (proc_pid_stat(5)).
 *
 * @module
 */

/** Ticks of a second, as every Linux has them (`getconf CLK_TCK`). */
const TICKS = 100;

interface Stat {
  readonly parent: number;
  /** Seconds of the process itself, user and system. */
  readonly own: number;
  /** Seconds of its children that have ended and were waited for. */
  readonly ended: number;
}

async function readStat(pid: number): Promise<Stat | undefined> {
  try {
    const text = await Deno.readTextFile(`/proc/${pid}/stat`);
    // The name before may hold anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
    return { parent: fields[1], own: (fields[11] + fields[12]) / TICKS, ended: (fields[13] + fields[14]) / TICKS };
  } catch {
    return undefined;
  }
}

/** Seconds of a process and its children, those included that have ended. */
export async function cpuOfTree(pid: number): Promise<number> {
  const stat = await readStat(pid);
  let seconds = (stat?.own ?? 0) + (stat?.ended ?? 0);
  for await (const { name } of Deno.readDir("/proc")) {
    const child = /^\d+$/.test(name) ? await readStat(Number(name)) : undefined;
    if (child?.parent === pid) seconds += child.own;
  }
  return seconds;
}

const LOOK_EVERY_MS = 20;

/** Follows a child of this process to its end, and gives its seconds as they were last seen. */
export async function cpuOfChild(pid: number): Promise<number> {
  let seconds = 0;
  while (true) {
    const stat = await readStat(pid);
    if (stat === undefined || stat.own < seconds) return seconds;
    seconds = stat.own;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
