/**
 * Barline as a process: from source with the permissions of the binary, or the compiled binary.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { PERMISSIONS, V8_FLAGS } from "../../deploy/compile.ts";

const root = fromFileUrl(new URL("../../", import.meta.url));

/** How a process ended. */
export interface Ended {
  /** Exit code; 128 + the signal's number where a signal ended it. */
  readonly code: number;
  /** The signal that ended it, where it did not end itself. */
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The object on the last line of stdout. */
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** A process that runs. */
export interface Running {
  readonly pid: number;
  /** Resolves with the first line of stdout or stderr, past or to come, that matches. */
  line(pattern: RegExp): Promise<string>;
  kill(signal: Deno.Signal): void;
  readonly ended: Promise<Ended>;
}

/** How to start a process. */
export interface StartOptions {
  cwd: string;
  env?: Record<string, string>;
  stdin?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Runs as this user; see {@linkcode copyForUser}. */
  user?: { uid: number; gid: number };
  program?: Program;
  /** A command line that runs the one after it, as `nice` does. */
  through?: readonly string[];
  /** It is to run for as long as it is let: it is never taken for one that hangs. */
  endless?: boolean;
}

/** An executable, and its arguments before the command line. */
export interface Program {
  readonly path: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
}

/** A process that has not ended by then hangs: it is killed, and the test fails with what it printed. */
const HANGS_AFTER_MS = 180_000;

let program: Program = Deno.env.has("BARLINE_BINARY")
  ? { path: Deno.env.get("BARLINE_BINARY")!, args: [] }
  : fromSource(root);

/** Makes all further processes run the compiled binary. */
export function useBinary(path: string): void {
  program = { path, args: [] };
}

/** What processes run. */
export const currentProgram = (): Program => program;

/** The program from source, with exactly what the binary is allowed. */
function fromSource(directory: string, path = Deno.execPath()): Program {
  return { path, args: ["run", ...PERMISSIONS, `--v8-flags=${V8_FLAGS}`, join(directory, "main.ts")] };
}

/** Starts Barline with an environment of its own: nothing that is set outside reaches it. */
export function startBarline(args: readonly string[], options: StartOptions): Running {
  const used = options.program ?? program;
  const inherited = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "TMPDIR"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const [path, ...rest] = [...options.through ?? [], used.path, ...used.args, ...args];
  const child = new Deno.Command(path, {
    args: rest,
    cwd: options.cwd,
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...used.env, ...options.env },
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...options.user,
  }).spawn();
  if (options.stdin !== undefined) {
    // A process that ends without reading all of it is the test's business, not an error of writing.
    const { stdin } = options;
    (stdin instanceof ReadableStream ? stdin : new Blob([stdin]).stream()).pipeTo(child.stdin).catch(() => {});
  }
  const stdout = createLines(child.stdout);
  const stderr = createLines(child.stderr);

  async function waitForEnd(): Promise<Ended> {
    const patienceMs = options.endless ? Infinity : HANGS_AFTER_MS;
    const timer = options.endless ? undefined : setTimeout(() => child.kill("SIGKILL"), HANGS_AFTER_MS);
    const started = performance.now();
    await Promise.all([stdout.ended, stderr.ended]);
    const { code, signal } = await child.status;
    clearTimeout(timer);
    if (performance.now() - started >= patienceMs) {
      throw new Error(`barline ${args.join(" ")} hangs; so far: ${stdout.text()}${stderr.text()}`);
    }
    return {
      code,
      signal,
      stdout: stdout.text(),
      stderr: stderr.text(),
      get json() {
        return JSON.parse(stdout.text().trimEnd().split("\n").at(-1)!);
      },
    };
  }

  return {
    pid: child.pid,
    ended: waitForEnd(),
    kill: (signal) => child.kill(signal),
    line: (pattern) => Promise.any([stdout.line(pattern), stderr.line(pattern)]),
  };
}

/** Waits until a run serves, and gives its address: `http://host:port`. */
export async function addressOf(running: Running): Promise<string> {
  return /http:[^\s"]+(?=\/metrics)/.exec(await running.line(/Serving/))![0];
}

/** Gathers the lines of a stream, and tells of them. */
function createLines(stream: ReadableStream<Uint8Array>) {
  let text = "";
  let isOver = false;
  let wake = Promise.withResolvers<void>();
  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      wake.resolve();
      wake = Promise.withResolvers();
    }
    isOver = true;
    wake.resolve();
  }
  return {
    ended: read(),
    text: () => text,
    async line(pattern: RegExp): Promise<string> {
      while (true) {
        const found = text.split("\n").slice(0, -1).find((line) => pattern.test(line));
        if (found !== undefined) return found;
        if (isOver) throw new Error(`Cannot find ${pattern} in: ${text}`);
        await wake.promise;
      }
    },
  };
}

/** The user without rights that most systems have. */
export const nobody = { uid: 65534, gid: 65534 };

/**
 * Copies the program to where another user can run it: root may read what others may not.
 *
 * @returns The copy, to be started as {@linkcode nobody}.
 */
export async function copyForUser(directory: string): Promise<Program> {
  await Deno.chmod(directory, 0o755);
  const copy = async (from: string, to: string) => {
    const { success } = await new Deno.Command("cp", { args: ["-rL", from, join(directory, to)] }).output();
    if (!success) throw new Error(`Cannot copy "${from}"`);
  };
  await copy(program.path, "program");
  const path = join(directory, "program");
  if (program.args.length === 0) return { path, args: [] };
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  // The packages alone: other processes write caches beside them.
  await Deno.mkdir(join(directory, "deno-dir"));
  await copy(JSON.parse(new TextDecoder().decode(stdout)).npmCache, "deno-dir/npm");
  for (const name of ["deno.json", "deno.lock", "main.ts", "src"]) await copy(join(root, name), name);
  await new Deno.Command("chown", { args: ["-R", `${nobody.uid}:${nobody.gid}`, directory] }).output();
  return { ...fromSource(directory, path), env: { HOME: directory, DENO_DIR: join(directory, "deno-dir") } };
}
