/**
 * A TCP relay in front of a server on loopback: breaks connections the way networks do, which no server can.
 *
 * @module
 */

/** The relay. */
export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** Ends every connection in the middle of whatever it does, without a word of the protocol above. */
  cut(): void;
  /** Lets nothing pass on the connections that there are, in either direction, and neither side knows. */
  freeze(): void;
  /** Resolves when no connection is left. */
  idle(): Promise<void>;
  /** Sends bytes to every client that the server never sent. */
  inject(bytes: Uint8Array): Promise<void>;
}

interface Pair {
  readonly server: Deno.TcpConn;
  /** Set while nothing passes. */
  readonly thawed?: Promise<void>;
  readonly thaw: () => void;
}

/** Starts a relay to a port. */
export function startRelay(port: number): Relay {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Map<Deno.TcpConn, Pair>();
  const work: Promise<void>[] = [];
  let isIdle = () => {};

  async function pump(from: Deno.TcpConn, to: Deno.TcpConn, pair: Pair): Promise<void> {
    const gate = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      async transform(chunk, controller) {
        await pair.thawed;
        controller.enqueue(chunk);
      },
      flush: () => pair.thawed,
    });
    // A side that is gone is what this is about.
    await from.readable.pipeThrough(gate).pipeTo(to.writable).catch(() => {});
  }

  async function accept(): Promise<void> {
    for await (const client of listener) {
      let server: Deno.TcpConn;
      try {
        server = await Deno.connect({ hostname: "127.0.0.1", port });
      } catch {
        // The server is away.
        client.close();
        continue;
      }
      const pair: Pair = { server, thaw: () => {} };
      open.set(client, pair);
      work.push(
        Promise.all([pump(client, server, pair), pump(server, client, pair)]).then(() => {
          open.delete(client);
          if (open.size === 0) isIdle();
        }),
      );
    }
  }

  function close(connection: Deno.TcpConn): void {
    try {
      connection.close();
    } catch {
      // The pump has closed it.
    }
  }

  function cut(): void {
    for (const [client, { server, thaw }] of open) {
      close(client);
      close(server);
      thaw();
    }
  }

  work.push(accept());
  return {
    port: (listener.addr as Deno.NetAddr).port,
    cut,
    freeze() {
      for (const pair of open.values()) {
        // What waits already would wait for ever for the first thaw.
        if (pair.thawed !== undefined) continue;
        const { promise, resolve } = Promise.withResolvers<void>();
        Object.assign(pair, { thawed: promise, thaw: resolve });
      }
    },
    idle: () => open.size === 0 ? Promise.resolve() : new Promise((resolve) => isIdle = resolve),
    async inject(bytes) {
      // One that is being closed cannot be written to.
      for (const client of open.keys()) await client.write(bytes).catch(() => {});
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      cut();
      await Promise.all(work);
    },
  };
}
