/**
 * A change of the schema, as statements that can be shown before they are run.
 *
 * @module
 */
import type { Client } from "pg";
import { queryWithin } from "./database.ts";

/** A change that is made whole or not at all. */
export interface Step {
  /** A noun, or for TimescaleDB what it does, to follow "Cannot". */
  readonly name: string;
  /** Without the semicolon at their ends; one may be several. */
  readonly statements: readonly string[];
}

/** Runs its statements, in a transaction that is the caller's; each may take `ms`, or as long as the connection allows. */
export async function runStep(client: Client, { statements }: Step, ms?: number): Promise<void> {
  for (const statement of statements) await queryWithin(client, statement, ms);
}

/** The steps as a script for psql. */
export function formatSteps(steps: readonly Step[]): string {
  return steps.map(({ name, statements }) =>
    [`-- ${name}`, ...statements.map((statement) => `${statement};`), ""].join("\n")
  ).join("\n");
}
