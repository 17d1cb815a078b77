/**
 * Readers of the stream at the top of a minute: bars of 1,000 symbols come at once, and 500 clients in another process, each with
 * 100 symbols of its own, want theirs. Beside them the time from receipt to commit, without clients and with them.
 *
 *     deno run -A tests/bench/stream.ts [CLIENTS]
 *
 * @module
 */
import { addressOf } from "../support/process.ts";
import { startPostgres } from "../support/postgres.ts";
import { openWorkspace } from "../support/workspace.ts";

const CLIENTS = Number(Deno.args[0] ?? 500);
const SYMBOLS = 1000;
const OWN = 100;
const BURSTS = 10;

/** The quantile of a histogram since an earlier page, in milliseconds, between its bounds. */
function quantile(before: string, after: string, share: number): number {
  const read = (page: string) =>
    Array.from(
      page.matchAll(/^barline_receive_to_commit_seconds_bucket\{[^}]*le="([^"]+)"[^}]*\} (\d+)$/gm),
      ([, bound, count]) => [bound === "+Inf" ? Infinity : Number(bound), Number(count)],
    );
  const earlier = read(before);
  const counts = read(after).map(([bound, count], at) => [bound, count - (earlier[at]?.[1] ?? 0)]);
  const total = counts.at(-1)![1];
  let [low, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= total * share) return 1000 * (low + (bound - low) * (total * share - below) / (count - below));
    [low, below] = [bound, count];
  }
  return Infinity;
}

await using server = await startPostgres();
await using work = await openWorkspace(server);
const symbols = Array.from({ length: SYMBOLS }, (_, at) => `S${at}`).join();
const running = work.startIngest([
  "--provider",
  "mock",
  "--symbols",
  symbols,
  "--speed",
  "30",
  "--http",
  "127.0.0.1:0",
]);
const address = await addressOf(running);
const metrics = async () => await (await fetch(`${address}/metrics`)).text();
const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, 1000 * count));

await seconds(10);
const [quiet, quietEnd] = [await metrics(), await seconds(2 * BURSTS).then(metrics)];
const child = new Deno.Command(Deno.execPath(), {
  args: [
    ...["run", "-A", "--no-check", new URL("stream/clients.ts", import.meta.url).pathname],
    ...[address.replace("http", "ws"), CLIENTS, SYMBOLS, OWN, BURSTS].map(String),
  ],
  stdout: "piped",
}).spawn();
await seconds(8);
const busy = await metrics();
const { stdout } = await child.output();
const busyEnd = await metrics();
const { bars, bursts } = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
const times = bursts.map(({ ms }: { ms: number }) => ms).sort((one: number, other: number) => one - other);
console.log(`${CLIENTS} clients got ${bars} bars; a burst of ${SYMBOLS} bars was with the last client after
  median ${times[times.length >> 1]} ms, most ${times.at(-1)} ms`);
for (const share of [0.5, 0.99]) {
  const [without, withClients] = [quantile(quiet, quietEnd, share), quantile(busy, busyEnd, share)];
  console.log(
    `receipt to commit, p${share * 100}: ${without.toFixed(1)} ms without clients, ${
      withClients.toFixed(1)
    } ms with them`,
  );
}
running.kill("SIGTERM");
await running.ended;
