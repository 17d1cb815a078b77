/**
 * The risk of commits that the user configures to wait for less than the server is set up for.
 *
 * @module
 */
import type { Client } from "pg";

/** The event that a commit waits for: everything that the server is set up for, the server's own disk, or nothing. */
export type SynchronousCommit = "on" | "local" | "off";

/** Acknowledged bars that may be lost. */
export interface CommitRisk {
  readonly synchronousCommit: SynchronousCommit;
  /** The risk in words. */
  readonly risk: string;
  /** Bars acknowledged within this time may be lost if the server crashes. Absent if a standby's lag is the bound. */
  readonly lossWindowMs?: number;
}

/** The risk of such commits, as a sentence; `undefined` without one. */
export function describeRisk(synchronousCommit: SynchronousCommit): string | undefined {
  if (synchronousCommit === "off") return "a crash of the database server loses bars that it has just acknowledged";
  if (synchronousCommit === "local") {
    return "a failover loses acknowledged bars that the synchronous standby has not received";
  }
}

/** Reads the risk; `undefined` without one. */
export async function readCommitRisk(
  client: Client,
  synchronousCommit: SynchronousCommit,
): Promise<CommitRisk | undefined> {
  const risk = describeRisk(synchronousCommit);
  if (risk === undefined) return undefined;
  if (synchronousCommit === "local") return { synchronousCommit, risk };
  // The manual, "Asynchronous Commit": at most three times as long, as the writer may be busy with earlier pages.
  const { rows: [{ ms }] } = await client.query(
    "SELECT 3 * s.setting::int AS ms FROM pg_settings s WHERE s.name = 'wal_writer_delay'",
  );
  return { synchronousCommit, risk, lossWindowMs: ms };
}
