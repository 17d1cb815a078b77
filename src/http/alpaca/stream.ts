/**
 * The server's side of Alpaca's stream of bars.
 *
 * A connection is in one of these states:
 * - `open`: it has to send a token within 10 s;
 * - `authenticated`: it may subscribe;
 * - `closed`.
 *
 * @module
 */
import { openSession } from "../../stream/session.ts";
import { RequestError } from "../body.ts";
import type { Caller } from "../guard.ts";
import { accept } from "../stream/send.ts";
import { type Admitted, checkSocket, type StreamService } from "../stream/service.ts";
import { channelOf, encodingOf, ERRORS, read, write, writeBars } from "./messages.ts";
import { CHANNEL_OF, createSubscriptions } from "./subscription.ts";

/** How long a client may take to authenticate, in milliseconds. */
const AUTH_MS = 10_000;

/** Options of {@linkcode openAlpacaStream}. */
export interface AlpacaStreamOptions {
  readonly request: Request;
  readonly stream: StreamService;
  readonly provider: string | undefined;
  readonly address: string;
  readonly maxOpenFiles?: number | undefined;
  /** The caller with a token, or a refusal. */
  readonly admit: (token: string | undefined) => Caller | Response;
  /** The tenant whose bars a caller gets; `undefined` for all. */
  readonly tenantOf: (caller: Caller) => string | undefined;
  /** The token of the handshake. */
  readonly token: string | undefined;
}

/**
 * Accepts the WebSocket.
 *
 * @throws {RequestError} If the request may not have one.
 */
export function openAlpacaStream(options: AlpacaStreamOptions): Response {
  const { request, stream, provider, address, admit, tenantOf, token } = options;
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new RequestError("Cannot stream over HTTP alone: expected a WebSocket", 426);
  }
  checkSocket(request, options.maxOpenFiles);
  const encoding = encodingOf(request.headers);
  const { socket, response, ready } = accept(request);
  socket.binaryType = "arraybuffer";
  const subscriptions = createSubscriptions();
  let caller: Caller | undefined;
  let admitted: Admitted | undefined;
  /** Ends the session of the previous subscriptions. */
  let changed = new AbortController();

  function send(data: string | Uint8Array): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(data as string | Uint8Array<ArrayBuffer>);
  }
  const sendError = (code: keyof typeof ERRORS) => send(write({ T: "error", code, msg: ERRORS[code] }, encoding));

  const timer = setTimeout(() => {
    sendError(404);
    socket.close();
  }, AUTH_MS);

  function authenticate(token: string | undefined): void {
    if (caller !== undefined) return sendError(403);
    const found = admit(token);
    if (found instanceof Response) {
      sendError(402);
      return socket.close();
    }
    try {
      admitted = stream.admit(
        address,
        tenantOf(found),
        "alpaca",
        `bars as of Alpaca, ${provider ?? "all providers"}`,
      );
    } catch {
      sendError(406);
      return socket.close();
    }
    clearTimeout(timer);
    caller = found;
    admitted.signal.addEventListener("abort", () => socket.readyState === WebSocket.OPEN && socket.close());
    send(write({ T: "success", msg: "authenticated" }, encoding));
  }

  function hear(data: string | ArrayBuffer): void {
    const message = read(data);
    const action = message?.action;
    if (action === "auth") {
      const secret = message!.secret ?? message!.token ?? message!.oauth ?? message!.access_token;
      return authenticate(typeof secret === "string" ? secret : undefined);
    }
    if (message === undefined || (action !== "subscribe" && action !== "unsubscribe")) return sendError(400);
    if (caller === undefined) return sendError(401);
    const problem = subscriptions.change(action, message);
    if (problem !== undefined) return sendError(problem);
    send(write(subscriptions.answer(), encoding));
    changed.abort();
    changed = new AbortController();
    follow(changed.signal).catch(() => {
      sendError(500);
      socket.close();
    });
  }

  /** Sends the subscribed bars until the subscriptions change. */
  async function follow(signal: AbortSignal): Promise<void> {
    const symbols = subscriptions.symbols();
    if (symbols?.size === 0) return;
    const ended = AbortSignal.any([signal, admitted!.signal]);
    const filter = { tenant: tenantOf(caller!), symbols, provider };
    for await (const event of openSession({ hub: stream.hub, source: stream.source, filter, signal: ended })) {
      if (event.type !== "bars") continue;
      const chosen = event.items.flatMap((item) => {
        const channel = channelOf(item);
        return channel !== undefined && subscriptions.has(CHANNEL_OF[channel], item.bar.symbol)
          ? [{ item, channel }]
          : [];
      });
      if (!await ready() || signal.aborted) return;
      if (chosen.length === 0) continue;
      send(writeBars(chosen, encoding));
      admitted!.sent(chosen.length);
    }
  }

  socket.addEventListener("open", () => {
    send(write({ T: "success", msg: "connected" }, encoding));
    if (token !== undefined) authenticate(token);
  });
  socket.addEventListener("message", ({ data }) => hear(data));
  socket.addEventListener("close", () => {
    clearTimeout(timer);
    changed.abort();
    admitted?.end();
  });
  return response;
}
