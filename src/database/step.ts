/**
 * Changes of the schema, as statements that can be shown before they run.
 *
 * @module
 */
import type { Client } from "pg";
import { queryWithin } from "./database.ts";

/** A change that is made completely or not at all. */
export interface Step {
  /** A noun, or for TimescaleDB an action, to follow "Cannot". */
  readonly name: string;
  /** Statements without semicolons at their ends; an element may hold several. */
  readonly statements: readonly string[];
}

/** Runs the statements, in the caller's transaction; each may take `ms`, or as long as the connection allows. */
export async function runStep(client: Client, { statements }: Step, ms?: number): Promise<void> {
  for (const statement of statements) await queryWithin(client, statement, ms);
}

/** The steps as a script for psql. */
export function formatSteps(steps: readonly Step[]): string {
  return steps.map(({ name, statements }) =>
    [`-- ${name}`, ...statements.map((statement) => `${statement};`), ""].join("\n")
  ).join("\n");
}
