/**
 * Commits that wait for less than the server is set up for, by the choice of whoever runs the program.
 *
 * @module
 */
import type { Client } from "pg";

/** What a commit waits for: all that the server is set up for, the server's own disk, or nothing. */
export type SynchronousCommit = "on" | "local" | "off";

/** What may be lost of bars that the server has acknowledged. */
export interface CommitRisk {
  readonly synchronousCommit: SynchronousCommit;
  /** In words. */
  readonly risk: string;
  /** What a crash of the server may take: bars acknowledged within this time. Absent where a standby's lag bounds it. */
  readonly lossWindowMs?: number;
}

/** What such commits put at risk, as a sentence; `undefined` where nothing is. */
export function describeRisk(synchronousCommit: SynchronousCommit): string | undefined {
  if (synchronousCommit === "off") return "a crash of the database server loses bars that it has just acknowledged";
  if (synchronousCommit === "local") {
    return "a failover loses acknowledged bars that the synchronous standby has not received";
  }
}

/** Reads how much is at risk; `undefined` where nothing is. */
export async function readCommitRisk(
  client: Client,
  synchronousCommit: SynchronousCommit,
): Promise<CommitRisk | undefined> {
  const risk = describeRisk(synchronousCommit);
  if (risk === undefined) return undefined;
  if (synchronousCommit === "local") return { synchronousCommit, risk };
  // The manual, "Asynchronous Commit": at most three times as long, as the writer may be busy with pages before.
  const { rows: [{ ms }] } = await client.query(
    "SELECT 3 * s.setting::int AS ms FROM pg_settings s WHERE s.name = 'wal_writer_delay'",
  );
  return { synchronousCommit, risk, lossWindowMs: ms };
}
