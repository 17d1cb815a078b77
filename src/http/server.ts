/**
 * The HTTP interface: metrics, health, the cockpit with the data behind it, and what it can change.
 *
 * @module
 */
import { TIMEFRAMES } from "../records/timeframe.ts";
import type { Sample } from "../telemetry/overview.ts";
import type { ChartBar, ChartGap, SeriesNames } from "./api/bars.ts";
import type { SeriesRow } from "./api/series.ts";
import { describeError } from "../telemetry/log.ts";
import { parseAddress } from "./address.ts";
import type { DeadLetterApi } from "./api/dead_letters.ts";
import { readObject, RequestError, withSecurityHeaders } from "./body.ts";
import { COCKPIT_PATHS, serveCockpit } from "./cockpit.ts";
import { type Access, createGuard, type Guard } from "./guard.ts";
import type { HealthReport } from "./health.ts";

/** What the pages are made of. */
export interface HttpSources {
  /** Told which route has answered a request that came at `started`, in milliseconds since 1970. */
  readonly onRoute?: (method: string, path: string, started: number) => void;
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
  /** What the comparison of two providers has found; absent where none are compared. */
  readonly quorum?: () => unknown;
  readonly deadLetters: DeadLetterApi;
  /** Ends the cooldown of open circuits. */
  readonly probe: () => void;
  /** Holds a provider up, or lets it go on; tells whether there is one of that name. */
  readonly pause: (provider: string, paused: boolean) => boolean;
  /** Reads the configuration again; throws what is wrong with it. Absent where that cannot be done. */
  readonly reload?: () => Promise<unknown>;
  /** Closes the sources and writes what was accepted; then the run ends. */
  readonly drain: () => void;
  readonly bars: (series: SeriesNames, limit: number) => Promise<{ bars: ChartBar[]; gaps: ChartGap[] }>;
}

type Handler = (sources: HttpSources, query: URLSearchParams, request: Request) => Response | Promise<Response>;

/** A page: how it is asked for, and who may. Only `POST` changes anything. */
interface Route {
  readonly method: "GET" | "POST";
  readonly access: Access;
  readonly handle: Handler;
}

const open = (handle: Handler): Route => ({ method: "GET", access: "open", handle });
const read = (handle: Handler): Route => ({ method: "GET", access: "read", handle });
const change = (handle: Handler): Route => ({ method: "POST", access: "change", handle });

/** Bars of a chart where the query names no number, and at most. */
const BARS = 500;
const MAX_BARS = 5000;

/** Every page there is. */
const routes: Readonly<Record<string, Route>> = {
  // Counts, and names of providers: nothing of the data or of the set-up.
  "/metrics": open(async (sources) => {
    const { body, contentType } = await sources.metrics();
    return new Response(body, { headers: { "content-type": contentType } });
  }),
  "/healthz": open(() => Response.json({ state: "alive" })),
  "/readyz": open(async (sources) => {
    const reasons = await sources.unready();
    return Response.json({ ready: reasons.length === 0, reasons }, { status: reasons.length === 0 ? 200 : 503 });
  }),
  "/health": read(async (sources) => {
    const report = await sources.health();
    return Response.json(report, { status: report.state === "unhealthy" ? 503 : 200 });
  }),
  "/quorum": read(({ quorum }) => {
    if (quorum === undefined) throw new RequestError("No providers are compared: start with --quorum A,B", 404);
    return Response.json(quorum());
  }),
  "/api/overview": read(async (sources) => Response.json(await sources.overview())),
  "/api/samples": read((sources) => Response.json({ samples: sources.samples() })),
  "/api/events": read((sources) => sources.events()),
  "/api/symbols": read(async (sources, query) => Response.json(await sources.series(query.get("search") ?? ""))),
  "/api/bars": read(async (sources, query) => {
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
  }),
  "/api/dead-letters": read(async ({ deadLetters }) => Response.json(await deadLetters.groups())),
  "/api/dead-letters/letters": read(async ({ deadLetters }, query) => Response.json(await deadLetters.letters(query))),
  "/api/dead-letters/replay": change(async ({ deadLetters }, _, request) =>
    Response.json(await deadLetters.replay(await readObject(request)))
  ),
  "/api/dead-letters/purge": change(async ({ deadLetters }, _, request) =>
    Response.json(await deadLetters.purge(await readObject(request)))
  ),
  "/-/circuit/probe": change((sources) => {
    sources.probe();
    return Response.json({ probing: true });
  }),
  "/-/providers/pause": change((sources, _, request) => pause(sources, request, true)),
  "/-/providers/resume": change((sources, _, request) => pause(sources, request, false)),
  "/-/reload": change(async ({ reload }) => {
    if (reload === undefined) throw new RequestError("Cannot reload: this run has no configuration to read again", 409);
    try {
      return Response.json(await reload());
    } catch (error) {
      throw new RequestError((error as Error).message, 400);
    }
  }),
  "/-/drain": change((sources) => {
    sources.drain();
    return Response.json({ stopping: true });
  }),
  // The page itself holds nothing: what it shows it asks for, with the token.
  ...Object.fromEntries(COCKPIT_PATHS.map((path) => [path, open((_, __, request) => serveCockpit(request))])),
};

async function pause(sources: HttpSources, request: Request, paused: boolean): Promise<Response> {
  const { provider } = await readObject(request);
  if (typeof provider === "string" && sources.pause(provider, paused)) return Response.json({ provider, paused });
  throw new RequestError(
    `Cannot find provider ${JSON.stringify(provider)}: wanted is {"provider": NAME} of a running one`,
  );
}

function wanted(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null || value === "") throw new RequestError(`Cannot answer without "${name}" in the query`);
  return value;
}

/** What a server is made of. */
export interface ServeOptions {
  /** `host:port`; port 0 takes any that is free. */
  readonly address: string;
  /** Token of whoever may change something; without one nobody may. */
  readonly token?: string;
  readonly sources: HttpSources;
  readonly onListen: (url: string) => void;
  /** Told of what changes something, and of errors. */
  readonly log: (message: string) => void;
}

/**
 * Serves.
 *
 * @throws {Error} If the address cannot be had.
 */
export function serve({ address, token, sources, onListen, log }: ServeOptions): Deno.HttpServer {
  const { hostname, port } = parseAddress(address);
  const guard = createGuard({ hostname, token });
  try {
    return Deno.serve({
      hostname,
      port,
      onListen: (bound) => onListen(`http://${bound.hostname}:${bound.port}`),
    }, async (request, { remoteAddr }) => {
      const from = (remoteAddr as Deno.NetAddr).hostname;
      return withSecurityHeaders(await answer(request, from, { guard, sources, log }));
    });
  } catch (error) {
    const why = error instanceof Deno.errors.AddrInUse ? "another process has it" : (error as Error).message;
    throw new Error(`Cannot listen on ${address}: ${why}. Choose another with --http HOST:PORT, or --http off`, {
      cause: error,
    });
  }
}

async function answer(
  request: Request,
  from: string,
  { guard, sources, log }: { guard: Guard } & Pick<ServeOptions, "sources" | "log">,
): Promise<Response> {
  const refused = guard.refuse(request, from);
  if (refused !== undefined) return refused;
  const { pathname, searchParams } = new URL(request.url);
  const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
  if (route === undefined) {
    const pages = Object.keys(routes).filter((path) => !path.startsWith("/cockpit/"));
    return new Response(`Not found. There are ${pages.join(" ")}\n`, { status: 404 });
  }
  const allowed = route.method === "GET" ? ["GET", "HEAD"] : [route.method];
  if (!allowed.includes(request.method)) {
    const headers = { allow: allowed.join(", ") };
    return new Response(`Only ${route.method} is answered\n`, { status: 405, headers });
  }
  const forbidden = guard.refuseAccess(request, from, route.access);
  if (forbidden !== undefined) return forbidden;
  if (route.access === "change") log(`${pathname} was asked for by ${from}`);
  const started = Date.now();
  try {
    return await route.handle(sources, searchParams, request);
  } catch (error) {
    if (error instanceof RequestError) return new Response(`${error.message}\n`, { status: error.status });
    log(`Cannot answer ${pathname}: ${describeError(error)}`);
    return new Response(`Cannot answer ${pathname}: ${describeError(error)}\n`, { status: 500 });
  } finally {
    sources.onRoute?.(request.method, pathname, started);
  }
}
