/** `barline completions`. @module */
import { flagSpecs, type OptionSpec } from "../config/options.ts";
import { type Command, EXIT, optionsOf } from "./command.ts";

/** The completions of one command. */
interface Completion {
  readonly name: string;
  readonly summary: string;
  readonly words: readonly string[];
  /** Options with their help, dashes included; `choices` if the values are few and known, `isPath` for files. */
  readonly options: readonly { flag: string; help: string; choices: readonly string[]; isPath: boolean }[];
}

const shells = { bash, zsh, fish };

/** Prints the script for a shell, and returns the exit code. */
export function printCompletions(shell: string, commands: Readonly<Record<string, Command>>): number {
  const all = Object.entries(commands).map(([name, command]) => describe(name, command));
  console.log(shells[shell as keyof typeof shells](all));
  return EXIT.done;
}

function describe(name: string, command: Command): Completion {
  return {
    name,
    summary: command.summary,
    words: Object.keys(command.subcommands ?? {}),
    options: [
      ...optionsOf(command, flagSpecs).map((spec) => ({
        flag: `--${spec.flag}`,
        help: plain(spec.help),
        ...valuesOf(spec),
      })),
      ...(command.flags ?? []).map(({ name, help }) => ({
        flag: `--${name}`,
        help: plain(help),
        choices: [],
        isPath: false,
      })),
      { flag: "--config", help: "YAML file with the same options", choices: [], isPath: true },
      { flag: "--help", help: "help for this command", choices: [], isPath: false },
    ],
  };
}

/** Values are known if the placeholder lists them, as in `off|overflow|durable`. */
function valuesOf({ value = "" }: OptionSpec): { choices: string[]; isPath: boolean } {
  const choices = value.split("|");
  return {
    choices: choices.length > 1 && choices.every((choice) => /^[a-z0-9-]+$/.test(choice)) ? choices : [],
    isPath: choices.includes("PATH"),
  };
}

/** Help without defaults, and without quotes and similar characters, which would break a script. */
const plain = (help: string) => help.replaceAll(/ ?\[[^\]]*\]|[`'"$\\]/g, "");

function bash(all: readonly Completion[]): string {
  const cases = all.map(({ name, words, options }) => {
    const values = options.filter(({ choices }) => choices.length > 0)
      .map(({ flag, choices }) =>
        `      ${flag}) COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$word")); return ;;`
      );
    const paths = options.filter(({ isPath }) => isPath).map(({ flag }) => flag);
    if (paths.length > 0) values.push(`      ${paths.join("|")}) COMPREPLY=($(compgen -f -- "$word")); return ;;`);
    return `  ${name})
    case $before in
${values.join("\n")}
    esac
    words="${[...words, ...options.map(({ flag }) => flag)].join(" ")}" ;;`;
  });
  return `# Completions of barline for bash.
_barline() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} words
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
  [ "$COMP_CWORD" = 1 ] && words="${all.map(({ name }) => name).join(" ")} help --help --version"
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _barline barline`;
}

function zsh(all: readonly Completion[]): string {
  const commands = all.map(({ name, summary }) => `    '${name}:${plain(summary)}'`).join("\n");
  const cases = all.map(({ name, words, options }) => {
    const lines = options.map(({ flag, help, choices, isPath }) => {
      const value = choices.length > 0 ? `:value:(${choices.join(" ")})` : isPath ? ":path:_files" : "";
      return `      '*${flag}[${help.replaceAll(":", " -")}]${value}'`;
    });
    if (words.length > 0) lines.unshift(`      '1:what:(${words.join(" ")})'`);
    return `    ${name}) _arguments \\\n${lines.join(" \\\n")} ;;`;
  });
  return `#compdef barline
# Completions of barline for zsh.
_barline() {
  local -a commands
  commands=(
${commands}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
${cases.join("\n")}
  esac
}
_barline "$@"`;
}

function fish(all: readonly Completion[]): string {
  const lines = ["# Completions of barline for fish.", "complete -c barline -f"];
  for (const { name, summary, words, options } of all) {
    const here = `-n '__fish_seen_subcommand_from ${name}'`;
    lines.push(`complete -c barline -n __fish_use_subcommand -a ${name} -d '${plain(summary)}'`);
    for (const word of words) lines.push(`complete -c barline ${here} -a ${word}`);
    for (const { flag, help, choices, isPath } of options) {
      const value = choices.length > 0 ? ` -x -a '${choices.join(" ")}'` : isPath ? " -r -F" : "";
      lines.push(`complete -c barline ${here} -l ${flag.slice(2)} -d '${help}'${value}`);
    }
  }
  return lines.join("\n");
}
