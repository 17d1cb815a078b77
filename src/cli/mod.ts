/**
 * The command line: finds the command, reads its arguments and runs it.
 *
 * @module
 */
import { parseInvocation } from "./args.ts";
import { type Command, EXIT, type Invocation, UsageError } from "./command.ts";
import { nearestWord } from "../config/nearest.ts";
import { commands } from "./commands/mod.ts";
import { surviveFileSizeLimit } from "./file_size_limit.ts";

/** Requests the help of a command. */
const HELP = /^(-h|--help(=all)?)$/;

/** Whether a file of that name exists. */
const isFile = (path: string): Promise<boolean> => Deno.stat(path).then(({ isFile }) => isFile, () => false);

/**
 * Runs the program with these arguments, and returns its exit code.
 *
 * @param early Listener for signals until a run listens itself; other commands leave signals to the system.
 */
export async function main(args: readonly string[], early?: Disposable): Promise<number> {
  const [name, ...rest] = args;
  let command: Command | undefined;
  let invocation: Invocation | undefined;
  try {
    const isHelp = name === undefined || name === "help" || name === "--help" || name === "-h";
    if (isHelp && (rest.length === 0 || name !== "help")) {
      console.log((await import("./help.ts")).describeProgram(commands));
      return name === undefined ? EXIT.usage : EXIT.done;
    }
    // "help ingest all" is "ingest --help=all".
    const called = name === "help" ? rest[0] : name === "--version" ? "version" : name;
    if (!Object.hasOwn(commands, called)) {
      const nearest = nearestWord(called, Object.keys(commands));
      const meant = nearest === undefined ? "barline --help lists them" : `did you mean "${nearest}"?`;
      throw new UsageError(`Cannot understand "${called}": there is no such command, ${meant}`);
    }
    command = commands[called];
    if (isHelp || rest.some((argument) => HELP.test(argument))) {
      const scope = rest.includes("--help=all") || isHelp && rest[1] === "all" ? "all" : "short";
      console.log((await import("./help.ts")).describeCommand(called, command, scope));
      return EXIT.done;
    }
    invocation = await parseInvocation(name, command, rest);
    if (invocation.words.length === 0 && command.defaultWord !== undefined) {
      invocation = { ...invocation, words: [command.defaultWord] };
    }
    const [word] = invocation.words;
    if (command.subcommands === undefined && !command.takesWords && word !== undefined) {
      const meant = name === "ingest" && await isFile(word)
        ? `did you mean --file ${word}?`
        : `see barline ${name} --help`;
      throw new UsageError(`Cannot understand "${word}": "${name}" takes only options, ${meant}`);
    }
    if (command.subcommands !== undefined && (word === undefined || !Object.hasOwn(command.subcommands, word))) {
      const words = Object.keys(command.subcommands);
      const nearest = word === undefined ? undefined : nearestWord(word, words);
      const meant = nearest === undefined ? "" : `, did you mean "${nearest}"?`;
      const found = word === undefined ? "nothing" : `"${word}"${meant}`;
      throw new UsageError(
        `Cannot understand barline ${name}: expected one of ${words.join(", ")}, found ${found}`,
      );
    }
    // Files created from here on are accessible to their owner alone, also those of the embedded database, which sets
    // no modes.
    if (Deno.build.os !== "windows") Deno.umask(0o077);
    surviveFileSizeLimit();
    const maxOpenFiles = command.serves ? await (await import("../open_files.ts")).readOpenFilesLimit() : undefined;
    // Only dlq fix starts an editor; commands that read foreign data must not start processes.
    if (!command.startsProcesses) await Deno.permissions.revoke({ name: "run" });
    if (!command.summarizes) early?.[Symbol.dispose]();
    return await (await command.load(invocation)).run({ ...invocation, maxOpenFiles, early });
  } catch (error) {
    const { formOf, report } = await import("./report.ts");
    const form = command?.summarizes ? formOf(rest, invocation) : { isSummary: false };
    return await report(error, form);
  }
}
