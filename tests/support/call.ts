/**
 * Commands within the process of the tests: much quicker than a process each.
 *
 * @module
 */
import { parseInvocation } from "../../src/cli/args.ts";
import { commands } from "../../src/cli/commands/mod.ts";
import { report } from "../../src/cli/report.ts";

/** What a command has printed, and its exit code. */
export interface Called {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of standard output as JSON; `undefined` where it is none. */
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** Runs a command. One at a time: what it prints is taken from the console. */
export async function callBarline(args: readonly string[]): Promise<Called> {
  const { log, error } = console;
  const lines: string[] = [];
  const errors: string[] = [];
  console.log = (...words: unknown[]) => void lines.push(words.join(" "));
  console.error = (...words: unknown[]) => void errors.push(words.join(" "));
  try {
    const code = await run(args);
    return { code, stdout: lines.join("\n"), stderr: errors.join("\n"), json: parse(lines.at(-1) ?? "") };
  } finally {
    Object.assign(console, { log, error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As `main` does, which gives up rights that the tests need. */
async function run([name, ...rest]: readonly string[]): Promise<number> {
  try {
    const invocation = await parseInvocation(name, commands[name], rest);
    const command = await commands[name].load(invocation);
    return await command.run(invocation);
  } catch (error) {
    return await report(error, { isSummary: false });
  }
}
