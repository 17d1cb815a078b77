/**
 * A change of the schema, as statements that can be shown before they are run.
 *
 * @module
 */
import type { Client } from "pg";

/** A change that is made whole or not at all. */
export interface Step {
  /** A noun, or for TimescaleDB what it does, to follow "Cannot". */
  readonly name: string;
  /** Without the semicolon at their ends; one may be several. */
  readonly statements: readonly string[];
}

/** Runs its statements, in a transaction that is the caller's. */
export async function runStep(client: Client, { statements }: Step): Promise<void> {
  for (const statement of statements) await client.query(statement);
}

/** The steps as a script for psql. */
export function formatSteps(steps: readonly Step[]): string {
  return steps.map(({ name, statements }) =>
    [`-- ${name}`, ...statements.map((statement) => `${statement};`), ""].join("\n")
  ).join("\n");
}
