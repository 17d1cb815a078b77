/** `barline completions`. @module */
import type { Command } from "../command.ts";

/** Creates the command; `commands` returns the table of all commands, this one included. */
export const createCompletions = (commands: () => Readonly<Record<string, Command>>): Command => ({
  summary: "Print completions for a shell",
  usage: "bash|zsh|fish",
  options: [],
  subcommands: {
    bash: "for bash: completions bash > /etc/bash_completion.d/barline",
    zsh: 'for zsh: completions zsh > "${fpath[1]}/_barline"',
    fish: "for fish: completions fish > ~/.config/fish/completions/barline.fish",
  },
  examples: ["completions bash > /etc/bash_completion.d/barline"],
  async load() {
    const { printCompletions } = await import("../completions.ts");
    return { run: ({ words: [shell] }) => Promise.resolve(printCompletions(shell, commands())) };
  },
});
