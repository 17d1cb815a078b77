/**
 * Clients of the bench of streams, in a process of their own: prints the delay of each burst, in milliseconds.
 *
 * Arguments: address, number of clients, number of symbols, symbols of each, bursts.
 *
 * @module
 */
const [address, ...numbers] = Deno.args;
const [clients, symbols, own, bursts] = numbers.map(Number);

/** When the last client had its last bar of each burst, by the time of the bar. */
const last = new Map<string, { received: number; done: number; bars: number }>();
let bars = 0;

const sockets = await Promise.all(Array.from({ length: clients }, (_, client) => {
  const chosen = Array.from({ length: own }, (_, at) => `S${(client * 7 + at * (1 + client % 9)) % symbols}`);
  const socket = new WebSocket(`${address}/api/stream?symbols=${[...new Set(chosen)].join()}`);
  return new Promise<WebSocket>((resolve, reject) => {
    socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    socket.onmessage = ({ data }) => {
      const now = Date.now();
      for (const text of data.split("\n")) {
        const message = JSON.parse(text);
        if (message.type === "live") resolve(socket);
        if (message.type !== "bar") continue;
        bars++;
        const found = last.get(message.ts) ?? { received: Infinity, done: 0, bars: 0 };
        found.received = Math.min(found.received, Date.parse(message.receivedAt));
        found.done = now;
        found.bars++;
        last.set(message.ts, found);
      }
    };
  });
}));
last.clear();
console.log("live");
while (last.size < bursts + 2) await new Promise((resolve) => setTimeout(resolve, 100));
// The first and the last one may be cut.
const whole = [...last.values()].slice(1, -1);
console.log(JSON.stringify({ bars, bursts: whole.map(({ received, done, bars }) => ({ ms: done - received, bars })) }));
for (const socket of sockets) socket.close();
Deno.exit();
