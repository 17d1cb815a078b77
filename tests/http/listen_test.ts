import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { TextLineStream } from "@std/streams/text-line-stream";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const FILES = 256;
const noLimits = Deno.build.os === "linux" ? undefined : "limits of open files differ here";

testWhere(noLimits, "a listener that can accept no more listens again as soon as it can", async () => {
  const listener = fromFileUrl(new URL("../support/listener.ts", import.meta.url));
  const child = new Deno.Command("bash", {
    args: ["-c", `ulimit -n ${FILES}; exec "$@"`, "bash", Deno.execPath(), "run", "-A", "--no-check", listener],
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  const port = Number((await lines.read()).value);
  const idle: Deno.TcpConn[] = [];
  let isFailing = false;
  const failed = lines.read().then(({ value }) => {
    isFailing = true;
    return value;
  });
  while (!isFailing) {
    // Once nobody listens the rest is refused.
    const connection = await Deno.connect({ port }).catch(() => undefined);
    if (connection !== undefined) idle.push(connection);
  }
  assertEquals(await failed, "listening again");
  for (const connection of idle) connection.close();
  let answer: string | undefined;
  while (answer === undefined) {
    answer = await fetch(`http://127.0.0.1:${port}/`).then((response) => response.text(), () => undefined);
  }
  assertEquals(answer, "well");
  child.kill("SIGKILL");
  await child.status;
  await lines.cancel();
});

testWhere(
  noLimits,
  "idle connections may take half of the files that are left; beyond that they are closed",
  async () => {
    await using work = await openWorkspace(server);
    const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], {
      through: ["bash", "-c", `ulimit -n ${FILES}; exec "$@"`, "bash"],
    });
    const address = await addressOf(running);
    const { hostname, port } = new URL(address);
    // Refused for the moment in which a new server takes the place of the one that listened.
    const gauge = async (name: string): Promise<number> => {
      const page = await fetch(`${address}/metrics`).then((response) => response.text(), () => undefined);
      if (page === undefined) return await gauge(name);
      return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(page)![1]);
    };
    assertEquals(await gauge("process_max_fds"), FILES);
    const before = await gauge("process_open_fds");
    // One that reads what it asked for stays.
    const events = (await fetch(`${address}/api/events`)).body!.getReader();
    await events.read();
    const idle: Deno.TcpConn[] = [];
    let isCrowded = false;
    running.line(/Idle connections are closed/).then(() => isCrowded = true);
    while (!isCrowded) {
      const connection = await Deno.connect({ hostname, port: Number(port) }).catch(() => undefined);
      if (connection !== undefined) idle.push(connection);
      // Not all at once: open files are counted a few times a second.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert(idle.length < FILES);
    // It closed them, and the test none.
    await idle[0].read(new Uint8Array(1)).catch(() => {});
    while (await gauge("process_open_fds") > before + 30);
    assertEquals((await events.read()).done, false);
    await events.cancel();
    for (const connection of idle) connection.close();
    running.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assertEquals(code, 0, stderr);
  },
);
