/**
 * Commands.
 *
 * @module
 */
import type { OptionName, OptionSpec } from "../config/options.ts";

export { EXIT } from "./exit.ts";
export type { OptionName };

/** An option that belongs to one command and has no other source than the command line. */
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
  /** Words after the command that are no options. */
  readonly words: readonly string[];
  /** Options of the configuration that were given. */
  readonly options: ReadonlyMap<string, unknown>;
  /** Options of the command that were given: text, or `true`. */
  readonly flags: ReadonlyMap<string, string | true>;
  /** Options of the command that may be given several times. */
  readonly lists?: ReadonlyMap<string, readonly string[]>;
  /** Path of the configuration file. */
  readonly configFile?: string;
  /** Most files that the process may have open, where that is known; of a command that serves. */
  readonly maxOpenFiles?: number;
  /** Listening to signals from the start on, of a command that summarizes: it disposes of it when it listens itself. */
  readonly early?: Disposable;
}

/** The code of a command. */
export interface CommandModule {
  /** Runs it and gives the exit code. */
  run(invocation: Invocation): Promise<number>;
}

/** Descriptions of options. */
export type OptionHelp = Readonly<Partial<Record<OptionName, string>>>;

/**
 * A command of the command line, as help and completions show it. Its code is loaded when it runs: the program has
 * many parts, and most commands need few of them.
 */
export interface Command {
  readonly summary: string;
  /** The text after the command's name in the usage line. */
  readonly usage?: string;
  /** Options of the configuration that it uses, chosen from all. */
  readonly options: readonly OptionName[] | ((all: readonly OptionName[]) => readonly OptionName[]);
  /** Descriptions of those options that mean something else here than in a run. */
  readonly optionHelp?: OptionHelp;
  readonly flags?: readonly CommandFlag[];
  /** First words that it takes, each with its effect. */
  readonly subcommands?: Readonly<Record<string, string>>;
  /** The first word where none is given. */
  readonly defaultWord?: string;
  /** Whether it takes other words. */
  readonly takesWords?: true;
  /** Whole command lines, without the program's name. */
  readonly examples: readonly string[];
  /** A command line for a group of options, by its title. */
  readonly groupExamples?: Readonly<Record<string, string>>;
  /** Whether it ends with the summary of a run, which `--json` prints also where the run could not start. */
  readonly summarizes?: true;
  /** Whether it serves over HTTP, and must know how many connections it may have. */
  readonly serves?: true;
  /** Whether it may start processes; any other command gives up that right before it runs. */
  readonly startsProcesses?: true;
  load(invocation: Invocation): Promise<CommandModule>;
}

/** The command's options among all that can be flags. */
export function optionsOf({ options, optionHelp }: Command, all: readonly OptionSpec[]): OptionSpec[] {
  const names = typeof options === "function" ? options(all.map(({ name }) => name)) : options;
  return all.filter(({ name }) => names.includes(name))
    .map((spec) => ({ ...spec, help: optionHelp?.[spec.name] ?? spec.help }));
}

/** Whether the option is about NATS. */
export const isNats = (name: OptionName): boolean => name.startsWith("nats");

/** The user called the program wrongly; exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}
