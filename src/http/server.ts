/**
 * The HTTP interface: metrics, health, and the cockpit with the data behind it; read only.
 *
 * @module
 */
import { TIMEFRAMES } from "../records/timeframe.ts";
import type { Sample } from "../telemetry/overview.ts";
import type { ChartBar, ChartGap, SeriesNames } from "./api/bars.ts";
import type { SeriesRow } from "./api/series.ts";
import { COCKPIT_PATHS, serveCockpit } from "./cockpit.ts";
import type { HealthReport } from "./health.ts";

/** What the pages are made of. */
export interface HttpSources {
  readonly metrics: () => Promise<{ body: string; contentType: string }>;
  readonly health: () => Promise<HealthReport>;
  /** Why the service is not ready for bars, one phrase each; empty when it is. */
  readonly unready: () => Promise<readonly string[]>;
  /** The run at a glance, as {@linkcode Overview} with the `state` of {@linkcode HealthReport}. */
  readonly overview: () => Promise<unknown>;
  /** The last quarter of an hour, oldest first. */
  readonly samples: () => readonly Sample[];
  /** Opens a stream of server-sent events with both. */
  readonly events: () => Response;
  readonly series: (search: string) => Promise<{ series: readonly SeriesRow[]; more: boolean }>;
  readonly bars: (series: SeriesNames, limit: number) => Promise<{ bars: ChartBar[]; gaps: ChartGap[] }>;
}

/** What the request asks for is not right; answered with 400 and its message. */
class RequestError extends Error {
  override name = "RequestError";
}

type Handler = (sources: HttpSources, query: URLSearchParams, request: Request) => Response | Promise<Response>;

/** Bars of a chart where the query names no number, and at most. */
const BARS = 500;
const MAX_BARS = 5000;

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
  "/api/overview": async (sources) => Response.json(await sources.overview()),
  "/api/samples": (sources) => Response.json({ samples: sources.samples() }),
  "/api/events": (sources) => sources.events(),
  "/api/symbols": async (sources, query) => Response.json(await sources.series(query.get("search") ?? "")),
  async "/api/bars"(sources, query) {
    const [provider, symbol, timeframe] = ["provider", "symbol", "timeframe"].map((name) => wanted(query, name));
    const limit = Number(query.get("limit") ?? BARS);
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_BARS)) {
      throw new RequestError(`Cannot use the limit "${query.get("limit")}": wanted is a number from 1 to ${MAX_BARS}`);
    }
    const stepMs = TIMEFRAMES.get(timeframe);
    if (stepMs === undefined) {
      const known = [...TIMEFRAMES.keys()].join(", ");
      throw new RequestError(`Cannot use the timeframe "${timeframe}": wanted is one of ${known}`);
    }
    const found = await sources.bars({ tenant: "default", provider, symbol, timeframe }, limit);
    return Response.json({ stepSeconds: stepMs / 1000, ...found });
  },
  ...Object.fromEntries(
    COCKPIT_PATHS.map((path): [string, Handler] => [path, (_, __, request) => serveCockpit(request)]),
  ),
};

function wanted(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null || value === "") throw new RequestError(`Cannot answer without "${name}" in the query`);
  return value;
}

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
        if (error instanceof RequestError) return new Response(`${error.message}\n`, { status: 400 });
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
  const { pathname, searchParams } = new URL(request.url);
  const handler = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
  if (handler === undefined) {
    const pages = Object.keys(routes).filter((path) => !path.startsWith("/cockpit/"));
    return new Response(`Not found. There are ${pages.join(" ")}\n`, { status: 404 });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Only GET is answered\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  return await handler(sources, searchParams, request);
}
