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
  /** Sends bytes to every client that the server never sent. */
  inject(bytes: Uint8Array): Promise<void>;
}

/** Starts a relay to a port. */
export function startRelay(port: number): Relay {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Map<Deno.TcpConn, Deno.TcpConn>();
  const work: Promise<void>[] = [];

  async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    // A side that is gone is what this is about.
    await from.readable.pipeTo(to.writable).catch(() => {});
  }

  async function accept(): Promise<void> {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      open.set(client, server);
      work.push(
        Promise.all([pump(client, server), pump(server, client)]).then(() => void open.delete(client)),
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
    for (const [client, server] of open) {
      close(client);
      close(server);
    }
  }

  work.push(accept());
  return {
    port: (listener.addr as Deno.NetAddr).port,
    cut,
    async inject(bytes) {
      for (const client of open.keys()) await client.write(bytes);
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      cut();
      await Promise.all(work);
    },
  };
}
