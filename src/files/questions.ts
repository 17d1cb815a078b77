/**
 * Words the questions about a file that only its user can answer.
 *
 * @module
 */
import type { Question, SampleLine } from "./plan.ts";

/** All questions about a file at once: each on a line with the flag that answers it, and the line that fails. */
export function describeQuestions(questions: readonly Question[], path: string, line?: SampleLine): string {
  if (line === undefined) return questions.map(({ missing, answer }) => `${missing}: add ${answer}`).join("\n  ");
  return [
    ...questions.map(({ missing, answer }) => `${missing}: add ${answer}`),
    `line ${line.line}: ${line.text}`,
    `barline inspect ${shellWord(path)} shows more`,
  ].join("\n  ");
}

/** A word of a command line, quoted if a shell would split it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
