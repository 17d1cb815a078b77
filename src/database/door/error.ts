/**
 * Errors for clients of the readers' PostgreSQL.
 *
 * @module
 */
import type { Severity } from "./messages.ts";

/** An error with its SQLSTATE. */
export class DoorError extends Error {
  override name = "DoorError";

  constructor(readonly code: string, message: string, readonly severity: Severity = "ERROR") {
    super(message);
  }
}
