/** The clients of the cookbook, as they stand there. */
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "@std/path";
import { addressOf } from "./support/process.ts";
import { findPython } from "./support/python.ts";
import { testWhere } from "./support/skip.ts";
import { openWorkspace, startSharedServer } from "./support/workspace.ts";

const server = await startSharedServer();
const python = await findPython("cookbook", ["websockets==15.0.1"]);
const page = await Deno.readTextFile(new URL("../docs/cookbook.md", import.meta.url));
/** The client in each language: the first block of it. */
const blocks = new Map(
  Array.from(page.matchAll(/^```(\w+)\n(.*?)^```/gms), ([, language, code]) => [language, code] as const).toReversed(),
);

const KILLS = 3;
/** How each client is started. */
const CLIENTS: readonly (readonly [language: string, ...command: (string | undefined)[]])[] = [
  ["python", python],
  ["ts", Deno.execPath(), "run", "-A", "--no-config"],
  ["sh", "bash"],
];

for (const [language, program, ...args] of CLIENTS) {
  testWhere(
    program === undefined ? "there is no Python with venv" : undefined,
    `the client of the cookbook in ${language} misses no bar when it is killed`,
    async () => {
      await using work = await openWorkspace(server);
      const running = work.startIngest(
        ["--provider", "mock", "--symbols", "AAPL", "--speed", "6000", "--http", "127.0.0.1:0"],
      );
      const address = await addressOf(running);
      const code = blocks.get(language)!.replaceAll("127.0.0.1:9000", address.replace("http://", ""));
      const file = await work.write(`client.${language}`, code);
      const output = join(work.directory, "output");
      const seen = async () => {
        const text = await Deno.readTextFile(output).catch(() => "");
        return Array.from(text.matchAll(/\d{4}-\d\d-\d\dT[\d:.]+Z(?=.*\n)/g), ([time]) => time);
      };
      for (let kill = 0; kill < KILLS; kill++) {
        // A group of its own: the client may be several processes.
        const client = new Deno.Command("setsid", {
          args: ["bash", "-c", 'exec "$@" >> output', "bash", program!, ...args as string[], file],
          cwd: work.directory,
        }).spawn();
        const most = (await seen()).length + 50;
        while ((await seen()).length < most) await delay(20);
        await new Deno.Command("kill", { args: ["-KILL", "--", `-${client.pid}`] }).output();
        await client.status;
      }
      running.kill("SIGTERM");
      await running.ended;
      const stored = await work.query("SELECT (extract(epoch FROM ts) * 1000)::int8::text AS ts FROM bars ORDER BY ts");
      const times = await seen();
      // Lanes may commit bars in another order.
      const once = [...new Set(times)].sort();
      assertEquals(once, stored.slice(0, once.length).map(({ ts }) => new Date(Number(ts)).toISOString()));
      // Between the line of a bar and its cursor, a kill repeats that bar.
      assert(times.length - once.length <= KILLS, `${times.length - once.length} bars came twice`);
    },
  );
}
