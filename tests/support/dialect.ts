/**
 * A server that speaks as the test says, message by message, for what the fakes never do and others may.
 *
 * @module
 */
import type { Bar } from "../../src/records/bar.ts";
import { type Frame, frameSize } from "../../src/records/frame.ts";
import { createContext } from "../providers/conformance.ts";
import type { Provider, ProviderSettings } from "../../src/providers/provider.ts";
import { makeDirectory, providerSettings } from "./providers.ts";
import { recordsOf } from "./frames.ts";

/** What the server says. */
export interface Dialect {
  /** Texts, or bytes, that greet a client. */
  readonly greeting?: readonly (string | Uint8Array<ArrayBuffer>)[];
  /** What a client's message is answered with. */
  // deno-lint-ignore no-explicit-any
  hear(message: any): readonly (string | Uint8Array<ArrayBuffer>)[];
  /** What a request is answered with, as JSON. */
  answer?(url: URL): unknown;
}

/** A provider that reads from such a server. */
export interface Reading extends AsyncDisposable {
  readonly notices: readonly string[];
  /** Requests so far. */
  readonly requests: readonly URL[];
  /** Bars, and what was rejected, once `done` says that this was all. */
  read(done: (bars: readonly Bar[]) => boolean): Promise<{ bars: Bar[]; rejected: string[] }>;
}

/** Starts the server, and a provider of it with these symbols. `ws` and `http` in variables stand for its addresses. */
export async function readDialect(
  create: (settings: ProviderSettings) => Provider,
  dialect: Dialect,
  options: { symbols: string[]; variables: Record<string, string>; newest?: ReadonlyMap<string, number> },
): Promise<Reading> {
  const requests: URL[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    if (request.headers.get("upgrade") !== "websocket") {
      requests.push(url);
      return Response.json(dialect.answer?.(url) ?? {});
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => dialect.greeting?.forEach((message) => socket.send(message));
    socket.onmessage = ({ data }) => dialect.hear(JSON.parse(data)).forEach((message) => socket.send(message));
    socket.onerror = (event) => event.preventDefault();
    return response;
  });
  const address = `127.0.0.1:${(server.addr as Deno.NetAddr).port}`;
  const variable = (name: string) =>
    options.variables[name]?.replace(/^ws/, `ws://${address}`).replace(/^http/, `http://${address}`);
  const directory = await makeDirectory();
  const context = createContext();
  const provider = create(providerSettings({ symbols: options.symbols, dataDir: directory.path, variable }));
  const newest = () => Promise.resolve(options.newest ?? new Map());
  const reader: ReadableStreamDefaultReader<Frame> = provider.open({ ...context, newest }).getReader();
  const bars: Bar[] = [];
  const rejected: string[] = [];
  return {
    notices: context.notices,
    requests,
    async read(done) {
      while (!done(bars)) {
        const { value } = await reader.read();
        if (value === undefined) throw new Error("the stream ended too early");
        bars.push(...recordsOf(value));
        rejected.push(...value.rejected.map(({ reason }) => reason));
        value.ack("committed", frameSize(value));
      }
      return { bars, rejected };
    },
    async [Symbol.asyncDispose]() {
      context.stopping.abort();
      await reader.cancel().catch(() => {});
      await provider.close!();
      await server.shutdown();
      await directory[Symbol.asyncDispose]();
    },
  };
}
