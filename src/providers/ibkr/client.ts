/**
 * A client of `@stoqey/ib` whose errors cannot end the process, and that cleans up at its end.
 *
 * @module
 */
import type { EventName, IBApi } from "@stoqey/ib";

/** A client that is not connected yet. */
export interface Client {
  readonly api: IBApi;
  /** The library's names of events. */
  readonly names: typeof EventName;
  /** Makes the library send a message, possibly later. */
  send(message: () => void): void;
  /** Waits until the library has nothing left to do. */
  idle(): Promise<void>;
}

/** IBKR allows 50 messages a second. */
const MAX_PER_SECOND = 40;
/** The library counts each message for a tenth of a second, by a timer that cannot be stopped. */
const LIBRARY_TIMER_MS = 110;
/** Enough timers for everything that can be waiting. */
const MAX_TIMERS = 50;

/**
 * Creates a client. `handle` runs before the library reads the socket: its reading throws on some messages, which no
 * handler could catch, and the process would end.
 */
export async function createClient(
  address: { host: string; port: number; clientId: number },
  handle: (read: () => void) => void,
): Promise<Client> {
  // Loaded on use, as most runs do not need it.
  const { EventName: names, IBApi } = await import("@stoqey/ib");
  // With all four options it reads no file or variable of its own.
  const api = new IBApi({ ...address, maxReqPerSec: MAX_PER_SECOND });
  const { socket } = (api as unknown as { controller: { socket: { onData(data: unknown): void } } }).controller;
  const read = socket.onData.bind(socket);
  socket.onData = (data) => handle(() => read(data));

  let waiting = 0;
  let sentAt = 0;
  api.on(names.sent, () => {
    waiting = Math.max(0, waiting - 1);
    sentAt = performance.now();
  });
  return {
    api,
    names,
    send(message) {
      waiting++;
      message();
    },
    async idle() {
      for (let timer = 0; timer < MAX_TIMERS; timer++) {
        const restMs = waiting > 0 ? LIBRARY_TIMER_MS : sentAt + LIBRARY_TIMER_MS - performance.now();
        if (restMs <= 0) return;
        await new Promise((resolve) => setTimeout(resolve, restMs));
      }
    },
  };
}
