/**
 * A TCP proxy in front of PostgreSQL that breaks connections the way networks do, at a chosen moment of the protocol.
 *
 * @module
 */
import { connect as connectTo, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { delay } from "@std/async/delay";
import { createMessageReader } from "./messages.ts";

/** What happens to a connection: closed, reset (RST), or no byte passes any more. */
export type Breakage = "cut" | "reset" | "black-hole";

/** A moment of a conversation. */
export interface Moment {
  /** Who sends the message. */
  readonly side: "client" | "server";
  /** Type of the message, as in `d` (COPY data) or `C` (the statement is done, and committed). */
  readonly type: string;
  /** How many such messages pass before, over all connections. */
  readonly after: number;
  /** Part of the message's first bytes that still passes, from 0 to 1. */
  readonly part: number;
}

/** What the network does to every byte. */
export interface Weather {
  /** How much later each piece arrives, in milliseconds. */
  delayMs?: number;
  bytesPerSecond?: number;
  /** No byte passes, and no new connection gets an answer. */
  blackHole?: boolean;
}

/** The proxy. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open. */
  readonly size: number;
  /** Breaks the connection in which the moment comes; resolves when it has come. */
  breakAt(moment: Moment, breakage: Breakage): Promise<void>;
  /** Breaks all connections now. */
  breakAll(breakage: Breakage): void;
  /** Connects to another port from now on; connections that are there stay. */
  moveTo(port: number): void;
  /** Changes the weather. A connection that has come into a black hole never comes out: its bytes are lost. */
  setWeather(weather: Weather): void;
}

/** A connection that passes through. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  lost: boolean;
}

/** Starts a proxy to a port of loopback, at `host` and `port`; any free port where none is given. */
export async function startProxy(to: number, host = "127.0.0.1", port = 0): Promise<Proxy> {
  const pairs = new Set<Pair>();
  const rules = new Set<{ moment: Moment; left: number; breakage: Breakage; done: () => void }>();
  let weather: Weather = {};

  function breakPair(pair: Pair, breakage: Breakage): void {
    if (breakage === "black-hole") {
      pair.lost = true;
      return;
    }
    for (const socket of [pair.client, pair.server]) {
      if (breakage === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
    pairs.delete(pair);
  }

  /** Whether a message that begins now is the moment of a rule; the rule is done with then. */
  function ruleFor(side: Moment["side"], type: string) {
    for (const rule of rules) {
      if (rule.moment.side !== side || rule.moment.type !== type || rule.left-- > 0) continue;
      rules.delete(rule);
      return rule;
    }
  }

  async function pump(side: Moment["side"], pair: Pair): Promise<void> {
    const [from, to] = side === "client" ? [pair.client, pair.server] : [pair.server, pair.client];
    const read = createMessageReader(side);
    for await (const chunk of from) {
      for (const { type, begins, bytes } of read(chunk)) {
        const { delayMs = 0, bytesPerSecond = Infinity, blackHole } = weather;
        if (blackHole) pair.lost = true;
        const waitMs = delayMs + bytes.length / bytesPerSecond * 1000;
        if (waitMs > 0) await delay(waitMs);
        if (pair.lost) continue;
        const rule = begins ? ruleFor(side, type) : undefined;
        const passing = rule === undefined ? bytes : bytes.subarray(0, Math.floor(bytes.length * rule.moment.part));
        if (!to.write(passing)) await once(to, "drain");
        if (rule === undefined) continue;
        // What is written is on its way before the connection goes.
        if (rule.breakage !== "black-hole") await delay(1);
        breakPair(pair, rule.breakage);
        rule.done();
      }
    }
    to.end();
  }

  const listener = createServer((client) => {
    const server = connectTo({ host: "127.0.0.1", port: to });
    const pair: Pair = { client, server, lost: weather.blackHole ?? false };
    pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        if (pair.lost && socket === server) return;
        pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
    // A side that is gone is what this is about.
    for (const side of ["client", "server"] as const) pump(side, pair).catch(() => {});
  });
  listener.listen(port, host);
  await once(listener, "listening");

  const breakAll = (breakage: Breakage) => {
    for (const pair of [...pairs]) breakPair(pair, breakage);
  };
  return {
    port: (listener.address() as { port: number }).port,
    get size() {
      return pairs.size;
    },
    breakAt: (moment, breakage) =>
      new Promise((done) => void rules.add({ moment, left: moment.after, breakage, done })),
    breakAll,
    moveTo: (port) => void (to = port),
    setWeather: (next) => void (weather = next),
    async [Symbol.asyncDispose]() {
      breakAll("cut");
      const closed = once(listener, "close");
      listener.close();
      await closed;
    },
  };
}
