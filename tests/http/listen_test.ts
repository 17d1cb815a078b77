import { assertEquals, assertStringIncludes } from "@std/assert";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const noLimits = Deno.build.os === "linux" ? undefined : "limits of open files differ here";

testWhere(
  noLimits,
  "idle connections beyond the limit of open files end neither the run nor its listening",
  async () => {
    await using work = await openWorkspace(server);
    const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], {
      through: ["bash", "-c", 'ulimit -n 256; exec "$@"', "bash"],
    });
    const address = await addressOf(running);
    const { hostname, port } = new URL(address);
    const idle: Deno.TcpConn[] = [];
    const failed = running.line(/Cannot accept connections/);
    let isFailing = false;
    failed.then(() => isFailing = true);
    while (!isFailing) {
      // Once nobody listens the rest is refused.
      const connection = await Deno.connect({ hostname, port: Number(port) }).catch(() => undefined);
      if (connection === undefined) break;
      idle.push(connection);
    }
    assertStringIncludes(await failed, "listening again");
    for (const connection of idle) connection.close();
    let status: number | undefined;
    while (status === undefined) {
      status = await fetch(`${address}/healthz`).then(async (response) => {
        await response.body?.cancel();
        return response.status;
      }, () => undefined);
    }
    assertEquals(status, 200);
    running.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assertEquals(code, 0, stderr);
  },
);
