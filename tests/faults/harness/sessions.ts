/**
 * Who the run is to the server, and what can be done to its sessions.
 *
 * @module
 */
import { PASSWORD_GROUP, type Trial } from "./scenario.ts";

/** Ends the backends of the run, so that it has to connect anew. */
export function terminateBackends({ server, work }: Trial): Promise<Record<string, unknown>[]> {
  return server.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'barline' AND datname = current_database()`,
    work.database,
  );
}

/** A user of the run that is no superuser: those have places and rights of their own. Gives the URL to use. */
export async function useWriter(trial: Trial): Promise<URL> {
  const role = `writer_${crypto.randomUUID().slice(0, 8)}`;
  await trial.work.migrate();
  await trial.work.query(`CREATE ROLE ${role} LOGIN PASSWORD 'first' IN ROLE ${PASSWORD_GROUP};
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO ${role};
    GRANT DELETE ON stream_log, stream_trim TO ${role}`);
  const url = new URL(trial.work.database);
  url.username = role;
  url.password = "first";
  return url;
}
