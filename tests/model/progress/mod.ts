/**
 * Tells when files and sockets of this process have come to rest, so that virtual time may go on.
 *
 * Time is tied to progress: what is sent or asked for counts as activity, and rest is a number of rounds of the event loop's
 * input and output without any. No round depends on how fast the machine is.
 *
 * @module
 */
import { createCount } from "./count.ts";
import { watchFiles } from "./files.ts";
import { watchFetch, watchTcp, watchWebSockets } from "./sockets.ts";

/** See the module's description. */
export interface Progress extends Disposable {
  /** Something was sent. */
  touch(): void;
  /** Waits for rest, where anything has happened since the last time. */
  settle(): Promise<void>;
}

/** Rounds without activity that are rest: a message passes a socket in one or two. */
const QUIET_ROUNDS = 6;
/** Rounds after which a message that was sent and has not come is lost with its connection. */
const LOST_ROUNDS = 300;

/** Watches this process. */
export async function watchProgress(): Promise<Progress> {
  const count = createCount();
  const circle = await createCircle();
  const restore = [
    ...[watchFiles, watchFetch, watchWebSockets].map((watch) => watch(count)),
    watchTcp(count, circle.methods),
  ];
  let seen = 0;
  return {
    touch: count.touch,
    async settle() {
      if (count.activity === seen && count.pending === 0) return;
      let rounds = 0;
      for (let quiet = 0; quiet < QUIET_ROUNDS; rounds++) {
        seen = count.activity;
        await circle.round();
        if (rounds > LOST_ROUNDS) count.messages = count.bytes = 0;
        const isQuiet = count.activity === seen && count.pending + count.messages + count.bytes === 0;
        quiet = isQuiet ? quiet + 1 : 0;
      }
    },
    [Symbol.dispose]() {
      for (const each of restore) each();
      circle.close();
    },
  };
}

/** A byte that goes round: when it is back, all sockets have been looked at once. */
async function createCircle() {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const near = await Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port });
  const far = await accepting;
  const byte = new Uint8Array(1);
  // More than what comes: a read that is filled would not wait for the sockets to be looked at.
  const room = new Uint8Array(16);
  let methods: Pick<Deno.TcpConn, "read" | "write"> = near;
  while (!Object.hasOwn(methods, "write")) methods = Object.getPrototypeOf(methods);
  // What goes round is not counted.
  const { read, write } = methods;
  return {
    /** Where all connections have their methods. */
    methods,
    async round() {
      await write.call(near, byte);
      await read.call(far, room);
    },
    close() {
      near.close();
      far.close();
    },
  };
}
