/**
 * The HTTP interface: metrics and health, read only.
 *
 * @module
 */
import type { HealthReport } from "./health.ts";

/** What the pages are made of. */
export interface HttpSources {
  readonly metrics: () => Promise<{ body: string; contentType: string }>;
  readonly health: () => Promise<HealthReport>;
  /** Why the service is not ready for bars, one phrase each; empty when it is. */
  readonly unready: () => Promise<readonly string[]>;
}

type Handler = (sources: HttpSources) => Promise<Response>;

/** Every page there is. */
const routes: Readonly<Record<string, Handler>> = {
  async "/metrics"(sources) {
    const { body, contentType } = await sources.metrics();
    return new Response(body, { headers: { "content-type": contentType } });
  },
  "/healthz": () => Promise.resolve(Response.json({ state: "alive" })),
  async "/readyz"(sources) {
    const reasons = await sources.unready();
    return Response.json({ ready: reasons.length === 0, reasons }, { status: reasons.length === 0 ? 200 : 503 });
  },
  async "/health"(sources) {
    const report = await sources.health();
    return Response.json(report, { status: report.state === "unhealthy" ? 503 : 200 });
  },
};

/**
 * Serves at `address` (`host:port`; port 0 takes any that is free).
 *
 * @throws {Error} If the address cannot be had.
 */
export function serve(address: string, sources: HttpSources, onListen: (url: string) => void): Deno.HttpServer {
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(colon + 1));
  try {
    return Deno.serve({
      hostname,
      port,
      onListen: (bound) => onListen(`http://${bound.hostname}:${bound.port}`),
      onError(error) {
        return new Response(`${error instanceof Error ? error.message : error}\n`, { status: 500 });
      },
    }, (request) => answer(request, sources));
  } catch (error) {
    const why = error instanceof Deno.errors.AddrInUse ? "another process has it" : (error as Error).message;
    throw new Error(`Cannot listen on ${address}: ${why}. Choose another with --http HOST:PORT, or --http off`, {
      cause: error,
    });
  }
}

async function answer(request: Request, sources: HttpSources): Promise<Response> {
  const handler = routes[new URL(request.url).pathname];
  if (handler === undefined) {
    return new Response(`Not found. There are ${Object.keys(routes).join(" ")}\n`, { status: 404 });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Only GET is answered\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  return await handler(sources);
}
