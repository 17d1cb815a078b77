/**
 * Barline at a terminal, which `script` (util-linux) makes.
 *
 * @module
 */
import { currentProgram } from "./process.ts";

/** Why there is no terminal; `undefined` where there is one. */
export const missingTerminal = await new Deno.Command("script", { args: ["--version"] }).output()
  .then(() => undefined, () => "there is no `script` (package bsdutils)");

/** A process at a terminal. */
export interface AtTerminal {
  /** Types. Ctrl-C is `\x03`, Ctrl-D `\x04`, and the arrow up `\x1b[A`. */
  type(text: string): Promise<void>;
  /** Waits for text after all that was waited for before, and gives what came up to its end, without escape sequences. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
}

/** Options of {@linkcode startAtTerminal}. */
export interface TerminalOptions {
  readonly cwd: string;
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Record<string, string>;
}

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** Starts Barline at a terminal. */
export function startAtTerminal(
  args: readonly string[],
  { cwd, columns = 80, rows = 24, env = {} }: TerminalOptions,
): AtTerminal {
  const { path, args: own } = currentProgram();
  const command = [path, ...own, ...args].map(quote).join(" ");
  const child = new Deno.Command("script", {
    args: ["-qefc", `stty cols ${columns} rows ${rows}; exec ${command}`, "/dev/null"],
    cwd,
    env: { TERM: "xterm", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  let shown = "";
  let isOver = false;
  let news = Promise.withResolvers<void>();
  (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      // deno-lint-ignore no-control-regex
      shown = (shown + decoder.decode(chunk, { stream: true })).replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replaceAll(
        "\r",
        "",
      );
      news.resolve();
      news = Promise.withResolvers();
    }
    isOver = true;
    news.resolve();
  })();
  return {
    type: (text) => input.write(new TextEncoder().encode(text)),
    async until(pattern) {
      while (true) {
        const found = pattern.exec(shown);
        if (found !== null) {
          const end = found.index + found[0].length;
          const before = shown.slice(0, end);
          shown = shown.slice(end);
          return before;
        }
        if (isOver) throw new Error(`Cannot find ${pattern} in: ${shown}`);
        await news.promise;
      }
    },
    ended: child.status.then(async ({ code }) => {
      await input.close().catch(() => {});
      return code;
    }),
  };
}
