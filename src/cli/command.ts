/**
 * Commands.
 *
 * @module
 */
import type { OptionName, OptionSpec } from "../config/options.ts";

export { EXIT } from "./exit.ts";
export type { OptionName };

/** An option of one command, with the command line as its only source. */
export interface CommandFlag {
  readonly name: string;
  /** Another name, of one letter: `-f`. */
  readonly short?: string;
  /** Whether it may be given several times. */
  readonly isList?: true;
  /** Placeholder of its value; without one it is a switch. */
  readonly value?: string;
  readonly help: string;
}

/** The arguments of a command. */
export interface Invocation {
  /** Words after the command that are not options. */
  readonly words: readonly string[];
  /** Given options of the configuration. */
  readonly options: ReadonlyMap<string, unknown>;
  /** Given options of the command: text, or `true`. */
  readonly flags: ReadonlyMap<string, string | true>;
  /** Given options of the command that may be repeated. */
  readonly lists?: ReadonlyMap<string, readonly string[]>;
  /** Path of the configuration file. */
  readonly configFile?: string;
  /** Most files that the process may have open, if known; for a command that serves. */
  readonly maxOpenFiles?: number;
  /**
   * Listener for signals from the start on, for a command that summarizes, which disposes of it when it listens itself.
   */
  readonly early?: Disposable;
}

/** The code of a command. */
export interface CommandModule {
  /** Runs the command, and returns the exit code. */
  run(invocation: Invocation): Promise<number>;
}

/** Descriptions of options. */
export type OptionHelp = Readonly<Partial<Record<OptionName, string>>>;

/**
 * A command in the help and completions. Its code is loaded when it runs: the program has many parts, and most commands
 * need few of them.
 */
export interface Command {
  readonly summary: string;
  /** The text after the command's name in the usage line. */
  readonly usage?: string;
  /** Options of the configuration that it uses, as a list or a selection from all. */
  readonly options: readonly OptionName[] | ((all: readonly OptionName[]) => readonly OptionName[]);
  /** Descriptions of those options that mean something else here than in a run. */
  readonly optionHelp?: OptionHelp;
  readonly flags?: readonly CommandFlag[];
  /** First words, each with its effect. */
  readonly subcommands?: Readonly<Record<string, string>>;
  /** The default first word. */
  readonly defaultWord?: string;
  /** Whether it takes other words. */
  readonly takesWords?: true;
  /** Whole command lines, without the program's name. */
  readonly examples: readonly string[];
  /** A command line for a group of options, by the title of the group. */
  readonly groupExamples?: Readonly<Record<string, string>>;
  /** Whether it ends with the summary of a run, which `--json` also prints if the run could not start. */
  readonly summarizes?: true;
  /** Whether it serves over HTTP, and needs the limit of connections. */
  readonly serves?: true;
  /** Whether it may start processes; all other commands give up that right before they run. */
  readonly startsProcesses?: true;
  load(invocation: Invocation): Promise<CommandModule>;
}

/** The command's options among those with flags. */
export function optionsOf({ options, optionHelp }: Command, all: readonly OptionSpec[]): OptionSpec[] {
  const names = typeof options === "function" ? options(all.map(({ name }) => name)) : options;
  return all.filter(({ name }) => names.includes(name))
    .map((spec) => ({ ...spec, help: optionHelp?.[spec.name] ?? spec.help }));
}

/** Whether the option is about NATS. */
export const isNats = (name: OptionName): boolean => name.startsWith("nats");

/** The user called the program with wrong arguments; exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}
