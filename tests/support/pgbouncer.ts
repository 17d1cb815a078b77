/**
 * PgBouncer in front of a server of the tests.
 *
 * @module
 */
import { join } from "@std/path";
import { freePort, makeServerDirectory, serverUser } from "./postgres.ts";

const PATH = "/usr/sbin/pgbouncer";

/** Why there is none, or `undefined` where it can be started. */
export function missingPgbouncer(): string | undefined {
  try {
    Deno.statSync(PATH);
  } catch {
    return `${PATH} is not there`;
  }
}

/** Starts it in a mode of pooling, to a port of loopback; gives its own port. */
export async function startPgbouncer(
  to: number,
  mode: "transaction" | "statement" = "transaction",
): Promise<{ port: number } & AsyncDisposable> {
  const directory = await makeServerDirectory();
  const port = freePort();
  const users = join(directory, "users.txt");
  await Deno.writeTextFile(users, '"postgres" ""\n');
  await Deno.writeTextFile(
    join(directory, "pgbouncer.ini"),
    [
      "[databases]",
      `* = host=127.0.0.1 port=${to}`,
      "[pgbouncer]",
      ...["listen_addr = 127.0.0.1", `listen_port = ${port}`, "unix_socket_dir =", "auth_type = trust"],
      ...[`auth_file = ${users}`, `pool_mode = ${mode}`, "ignore_startup_parameters = extra_float_digits"],
      "",
    ].join("\n"),
  );
  const child = new Deno.Command(PATH, {
    args: [join(directory, "pgbouncer.ini")],
    cwd: directory,
    stdout: "null",
    stderr: "piped",
    ...serverUser(),
  }).spawn();
  let log = "";
  const started = Promise.withResolvers<void>();
  const read = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      if (log.includes("process up")) started.resolve();
    }
    started.reject(new Error(`PgBouncer has ended: ${log}`));
  })();
  await started.promise;
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await read;
      started.promise.catch(() => {});
      await Deno.remove(directory, { recursive: true });
    },
  };
}
