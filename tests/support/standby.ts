/**
 * A standby of a test's server, which follows it, can only be read, and can be promoted.
 *
 * @module
 */
import { join } from "@std/path";
import { freePort, makeServerDirectory, memoryDirectory, runServerProgram } from "./postgres.ts";

/** The standby. */
export interface Standby extends AsyncDisposable {
  readonly port: number;
  /** Makes it a server of its own that can be written. */
  promote(): Promise<void>;
}

/** Copies the server at a port of loopback, and starts the copy as its standby. */
export async function startStandby(primaryPort: number): Promise<Standby> {
  const directory = await makeServerDirectory(memoryDirectory());
  const data = join(directory, "data");
  const port = freePort();
  const url = `postgres://postgres@127.0.0.1:${primaryPort}/postgres`;
  await runServerProgram(
    directory,
    "pg_basebackup",
    ...["--pgdata", data, "--dbname", url, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"],
  );
  const settings = [`port = ${port}`, `unix_socket_directories = '${directory}'`, ""];
  await Deno.writeTextFile(join(data, "postgresql.conf"), settings.join("\n"), { append: true });
  const control = (...args: string[]) => runServerProgram(directory, "pg_ctl", "-D", data, "-w", "-s", ...args);
  await control("-l", join(directory, "log"), "start");
  return {
    port,
    promote: () => control("promote"),
    async [Symbol.asyncDispose]() {
      await control("-m", "immediate", "stop");
      await Deno.remove(directory, { recursive: true });
    },
  };
}
