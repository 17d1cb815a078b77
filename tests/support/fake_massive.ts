/**
 * A fake Massive on loopback: the stream and REST `aggs`, as far as bars go.
 *
 * @module
 */
import { answerWith, createLapses, type Lapses } from "./lapse.ts";
import { createQueue } from "./queue.ts";

/** A bar as the fake's market knows it. */
export interface MassiveBar {
  readonly symbol: string;
  /** Start, in epoch ms. */
  readonly ts: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** A REST request that came. */
export interface MassiveRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | null;
}

/** One client's connection. */
export interface MassiveConnection {
  /** Topics that it holds. */
  readonly topics: ReadonlySet<string>;
  /** Sends minute bars as one array. */
  bars(...bars: MassiveBar[]): void;
  /** Sends these as one array. */
  send(...items: unknown[]): void;
  /** Sends text as it is. */
  raw(text: string): void;
  /** Ends it, with a close code or without one. */
  close(code?: number, reason?: string): void;
  readonly isOpen: boolean;
  /** The next subscription to topics that are held already, which gets no answer. */
  repeated(): Promise<string[]>;
}

/** How the fake behaves; change it at will. */
export interface MassiveScript {
  /** Symbols that the plan includes; others are "not authorized". */
  known: readonly string[];
  /** What a connection is sent first. */
  greeting: unknown[];
  /** What is sent in answer to the key; as documented where it is left out. */
  afterKey?: unknown[];
  /** Whether all answers to a subscription come as one array. */
  inOneArray: boolean;
  /** Whether subscriptions get no answer. */
  isMute: boolean;
  /** Whom a second connection is at the cost of. */
  limit?: "newcomer" | "older";
  /** Answers to the next REST requests in place of data; `undefined` is data. */
  mishaps: ({ status: number; body?: unknown; headers?: Record<string, string> } | undefined)[];
  /** Bars of a page of history. */
  pageSize: number;
}

/** The fake server. */
export interface FakeMassive extends AsyncDisposable {
  readonly port: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly script: MassiveScript;
  /** Bars that history has; change it at will. */
  readonly history: MassiveBar[];
  readonly requests: MassiveRequest[];
  /** What its REST side does wrong. */
  readonly lapses: Lapses;
  /** The next connection that has subscribed. */
  connection(): Promise<MassiveConnection>;
}

/** The key that the fake knows. */
export const KEY = "k3y-0f-the-t3sts";
const status = (name: string, message: string) => ({ ev: "status", status: name, message });
/** What a connection too many is told. */
export const MAX_CONNECTIONS = status(
  "max_connections",
  "Maximum number of websocket connections exceeded. You have reached the connection limit for your account.",
);

/** Starts the fake, behaving as documented but for what the script says. */
export function startFakeMassive(given: Partial<MassiveScript> = {}): FakeMassive {
  const script: MassiveScript = {
    known: ["AAPL", "MSFT"],
    greeting: [status("connected", "Connected Successfully")],
    inOneArray: false,
    isMute: false,
    mishaps: [],
    pageSize: 50_000,
    ...given,
  };
  const history: MassiveBar[] = [];
  const requests: MassiveRequest[] = [];
  const lapses = createLapses();
  const arrived = createQueue<MassiveConnection>();
  const sockets = new Set<WebSocket>();

  function accept(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const topics = new Set<string>();
    const repeats = createQueue<string[]>();
    const send = (...items: unknown[]) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(items));
    };
    const connection: MassiveConnection = {
      topics,
      bars: (...bars) => send(...bars.map(toAggregate)),
      send,
      raw: (text) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
      get isOpen() {
        return socket.readyState === WebSocket.OPEN;
      },
      repeated: repeats.take,
    };
    sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onerror = (event) => event.preventDefault();
    socket.onopen = () => {
      if (script.greeting.length > 0) send(...script.greeting);
    };
    socket.onmessage = ({ data }) => {
      const { action, params } = JSON.parse(data);
      if (action === "auth") {
        const known = params === KEY
          ? status("auth_success", "authenticated")
          : status("auth_failed", "authentication failed");
        return send(...script.afterKey ?? [known]);
      }
      const asked = params.split(",") as string[];
      if (asked.every((topic) => topics.has(topic))) return repeats.put(asked);
      const answers = asked.filter((topic) => !topics.has(topic)).map((topic) => {
        if (!script.known.includes(topic.slice(topic.indexOf(".") + 1))) return status("error", "not authorized");
        topics.add(topic);
        return status("success", `subscribed to: ${topic}`);
      });
      if (!script.isMute) {
        if (script.inOneArray) send(...answers);
        else for (const answer of answers) send(answer);
      }
      arrived.put(connection);
      if (sockets.size < 2) return;
      const evicted = script.limit === "newcomer" ? [socket] : [...sockets].filter((each) => each !== socket);
      if (script.limit !== undefined) evicted.forEach(evict);
    };
    return response;
  }

  function answer(request: Request, url: URL): Response {
    const authorization = request.headers.get("authorization");
    requests.push({ path: url.pathname, query: url.searchParams, authorization });
    const mishap = script.mishaps.shift();
    if (mishap !== undefined) {
      return Response.json(mishap.body ?? {}, { status: mishap.status, headers: mishap.headers });
    }
    if (authorization !== `Bearer ${KEY}`) {
      return Response.json({ status: "ERROR", request_id: "1", error: "Unknown API Key" }, { status: 401 });
    }
    const [, , , , ticker, , , unit, from, to] = url.pathname.split("/");
    const rows = history.filter(({ symbol, ts }) => symbol === ticker && ts >= Number(from) && ts <= Number(to))
      .toSorted((a, b) => a.ts - b.ts);
    const at = Number(url.searchParams.get("cursor") ?? 0);
    const page = rows.slice(at, at + script.pageSize).map(({ ts, open, high, low, close, volume }) => (
      { v: volume, vw: close, o: open, c: close, h: high, l: low, t: ts, n: 12 }
    ));
    const next = at + script.pageSize;
    const path = `/v2/aggs/ticker/${ticker}/range/1/${unit}/${from}/${to}`;
    return Response.json({
      ticker,
      queryCount: page.length,
      resultsCount: page.length,
      adjusted: false,
      ...(page.length > 0 ? { results: page } : {}),
      status: "OK",
      request_id: "1",
      // As Massive does, with its own host and without the key.
      ...(next < rows.length ? { next_url: `https://api.massive.com${path}?cursor=${next}` } : {}),
    });
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    return request.headers.get("upgrade") === "websocket"
      ? accept(request)
      : answerWith(lapses, url, () => answer(request, url));
  });
  const { port } = server.addr as Deno.NetAddr;
  return {
    port,
    script,
    history,
    requests,
    lapses,
    variables: {
      MASSIVE_API_KEY: KEY,
      MASSIVE_STREAM_URL: `ws://127.0.0.1:${port}/stocks`,
      MASSIVE_REST_URL: `http://127.0.0.1:${port}`,
      MASSIVE_REQUESTS_PER_MINUTE: "60000",
    },
    connection: arrived.take,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await server.shutdown();
    },
  };
}

function evict(socket: WebSocket): void {
  socket.send(JSON.stringify([MAX_CONNECTIONS]));
  socket.close(1008, "max connections");
}

/** The bar as the stream sends it. */
export function toAggregate({ symbol, ts, open, high, low, close, volume }: MassiveBar): Record<string, unknown> {
  const day = { av: volume * 10, op: open, a: open, z: 12 };
  return {
    ev: "AM",
    sym: symbol,
    v: volume,
    vw: close,
    o: open,
    c: close,
    h: high,
    l: low,
    ...day,
    s: ts,
    e: ts + 60_000,
  };
}
