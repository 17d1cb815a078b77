import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { TextLineStream } from "@std/streams/text-line-stream";
import { mustShare } from "../../src/http/listen_shared.ts";
import { addressOf } from "../support/process.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const FILES = 256;
/** Runs what follows with that limit. */
const limited = ["bash", "-c", `ulimit -n ${FILES}; exec "$@"`, "bash"];
const noLimits = Deno.build.os === "linux" ? undefined : "limits of open files differ here";

testWhere(noLimits, "a listener that can accept no more accepts again as soon as it can", async () => {
  const listener = fromFileUrl(new URL("../support/listener.ts", import.meta.url));
  const child = new Deno.Command(limited[0], {
    args: [...limited.slice(1), Deno.execPath(), "run", "-A", "--no-check", listener],
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
    idle.push(await Deno.connect({ port }));
  }
  assertEquals(await failed, "accepting again");
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

Deno.test("idle connections cannot use up the files of a process whose connections have no limit", () => {
  assertEquals([mustShare({}), mustShare({ maxOpenFiles: 1024 })], [false, false]);
});

/** A number of the metrics page. */
const gauge = async (address: string, name: string): Promise<number> => {
  const page = await (await fetch(`${address}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(page)![1]);
};

testWhere(
  noLimits,
  "connections have half of the files that are left; one more takes the place of an idle one",
  async () => {
    await using work = await openWorkspace(server);
    const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], { through: limited });
    const address = await addressOf(running);
    const { hostname, port } = new URL(address);
    assertEquals(await gauge(address, "process_max_fds"), FILES);
    const before = await gauge(address, "process_open_fds");
    // One that reads what it asked for stays.
    const events = (await fetch(`${address}/api/events`)).body!.getReader();
    await events.read();
    const idle: Deno.TcpConn[] = [];
    let isCrowded = false;
    running.line(/Idle connections are closed/).then(() => isCrowded = true);
    while (!isCrowded) idle.push(await Deno.connect({ hostname, port: Number(port) }));
    assert(await gauge(address, "process_open_fds") <= before + FILES / 2 + 12);
    // It closed the first, and the test none.
    await idle[0].read(new Uint8Array(1)).catch(() => {});
    assertEquals((await events.read()).done, false);
    await events.cancel();
    for (const connection of idle) connection.close();
    running.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assertEquals(code, 0, stderr);
  },
);

testWhere(
  noLimits,
  "a flood of connections with slow requests leaves files to the database and to answers",
  async () => {
    await using work = await openWorkspace(server);
    const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], { through: limited });
    const address = await addressOf(running);
    const { hostname, port } = new URL(address);
    const started = new TextEncoder().encode("GET /health HTTP/1.1\r\nhost: ");
    const before = await gauge(address, "process_open_fds");
    const open: Deno.TcpConn[] = [];
    let most = 0;
    for (let round = 0; round < 8; round++) {
      const some = await Promise.all(
        Array.from({ length: 64 }, () => Deno.connect({ hostname, port: Number(port) })),
      );
      await Promise.all(some.map((connection) => connection.write(started).catch(() => {})));
      open.push(...some);
      most = Math.max(most, await gauge(address, "process_open_fds"));
    }
    assert(most > FILES / 4, `the flood reaches ${most}`);
    // The run itself may open a connection to the database and files meanwhile.
    assert(most <= before + FILES / 2 + 12, `${most} files are open, ${before} before`);
    assertEquals((await (await fetch(`${address}/readyz`)).json()).ready, true);
    running.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    for (const connection of open) connection.close();
    assertEquals(code, 0, stderr);
    assert(!/os error 24|EMFILE|Too many open files/.test(stderr), stderr);
  },
);

testWhere(
  noLimits,
  "a connection beyond the limit is answered with 503 while all others have requests in flight",
  async () => {
    await using work = await openWorkspace(server);
    const running = work.startIngest(["--provider", "mock", "--http", "127.0.0.1:0"], { through: limited });
    const address = await addressOf(running);
    const { hostname, port } = new URL(address);
    const reading: Deno.TcpConn[] = [];
    let answer = "";
    while (!answer.includes("503")) {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      reading.push(connection);
      await connection.write(new TextEncoder().encode("GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")).catch(
        () => {},
      );
      const bytes = new Uint8Array(100);
      answer = new TextDecoder().decode(bytes.subarray(0, await connection.read(bytes) ?? 0));
      assert(reading.length < FILES, answer);
    }
    for (const connection of reading) connection.close();
    running.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assertEquals(code, 0, stderr);
  },
);
