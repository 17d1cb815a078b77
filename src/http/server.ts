/**
 * The HTTP interface: metrics, health, the cockpit with the data behind it, and controls.
 *
 * @module
 */
import { TIMEFRAMES } from "../records/timeframe.ts";
import { describeError, printable } from "../telemetry/log.ts";
import type { Database } from "../database/database.ts";
import { parseAddress } from "./address.ts";
import { ALPACA, answerAlpaca } from "./alpaca/mod.ts";
import { BAR_FORMATS, type BarFormat } from "./api/bars_request.ts";
import { readObject, RequestError, withSecurityHeaders } from "./body.ts";
import { COCKPIT_PATHS, serveCockpit } from "./cockpit.ts";
import { type Access, createGuard, type Guard, type GuardOptions } from "./guard.ts";
import { keepListening, type Listening } from "./listen.ts";
import { listenShared, mustShare } from "./listen_shared.ts";
import type { StreamService } from "./stream/service.ts";
import type { OwnPages, View } from "./view.ts";

/** Longest error of a request in the log, in characters: the sender controls part of it. */
const MAX_LOGGED = 300;

/** The sources of the pages. */
export interface HttpSources {
  /** Called with the route that has answered a request of `started`, in milliseconds since 1970. */
  readonly onRoute?: (method: string, path: string, started: number) => void;
  /** The page for Prometheus: of a tenant, or of all with the process. */
  readonly metrics: (tenant?: string) => Promise<{ body: string; contentType: string }>;
  /** The view of a tenant, or of all; `undefined` for an unknown name. */
  readonly view: (tenant?: string) => View | undefined;
  /** Why the service is not ready for bars, one phrase each; empty when it is. */
  readonly unready: () => Promise<readonly string[]>;
  /** The live stream; absent where records go elsewhere than into a database. */
  readonly stream?: StreamService;
  /** The database of the store; absent without one. */
  readonly database?: Database;
  /** Reads the configuration again; throws its problems. Absent if it cannot be read again. */
  readonly reload?: () => Promise<unknown>;
  /** Closes the providers and writes accepted records; then the run ends. */
  readonly drain: () => void;
}

/** A request with its view. */
interface Asked {
  readonly sources: HttpSources;
  /** The view of the requested tenant, or of the only one that the caller may see; otherwise of all. */
  readonly view: View;
  readonly tenant: string | undefined;
  readonly query: URLSearchParams;
  readonly request: Request;
  /** Address of the caller. */
  readonly from: string;
}

type Handler = (asked: Asked) => Response | Promise<Response>;

/** A page, with its method and access. Only `POST` changes anything. */
interface Route {
  readonly method: "GET" | "POST";
  readonly access: Access;
  /** Its answer or effect, for the documentation. */
  readonly about: string;
  /** Parameters of the query, or the JSON of the body, for the documentation. */
  readonly takes?: string;
  readonly handle: Handler;
}

/** Description of a route: its answer or effect, and its parameters if it has some. */
type Words = readonly [about: string, takes?: string];

const declare = (method: Route["method"], access: Access) => ([about, takes]: Words, handle: Handler): Route => ({
  ...{ method, access, about, takes, handle },
});
const open = declare("GET", "open");
const read = declare("GET", "read");
const change = declare("POST", "change");
const operate = declare("POST", "operate");

/** Default and largest number of bars of a chart. */
const BARS = 500;
const MAX_BARS = 5000;

const FORMAT_WORDS: Readonly<Record<BarFormat, string>> = {
  csv: "CSV",
  ndjson: "NDJSON",
  parquet: "Parquet",
  arrow: "Arrow IPC (Feather)",
};

/** All pages. */
export const routes: Readonly<Record<string, Route>> = {
  // Counts, and names of providers and tenants, without data or details of the set-up.
  "/metrics": open(["The metrics, in the text format of Prometheus."], async ({ sources, tenant }) => {
    const { body, contentType } = await sources.metrics(tenant);
    return new Response(body, { headers: { "content-type": contentType } });
  }),
  "/healthz": open(["200 while the process lives."], () => Response.json({ state: "alive" })),
  "/readyz": open(["200 while records can flow, else 503, with `ready` and the `reasons`."], async ({ sources }) => {
    const reasons = await sources.unready();
    return Response.json({ ready: reasons.length === 0, reasons }, { status: reasons.length === 0 ? 200 : 503 });
  }),
  "/health": read([
    "`state` (`healthy`, `degraded` or `unhealthy`, which is a 503), `version`, `ts`, and `components`, each with its `details`.",
  ], async ({ view }) => {
    const report = await view.health();
    return Response.json(report, { status: report.state === "unhealthy" ? 503 : 200 });
  }),
  "/quorum": read([
    "The bars in which two providers differ: `providers`, `tolerance`, `compared`, `mismatched`, `mismatches`; 404 without `--quorum`.",
  ], (asked) => {
    const { quorum } = ownPages(asked);
    if (quorum === undefined) throw new RequestError("No providers are compared: start with --quorum A,B", 404);
    return Response.json(quorum());
  }),
  "/api/overview": read(["The run at a glance."], async ({ view }) => Response.json(await view.overview())),
  "/api/samples": read(
    ["The last quarter of an hour as `samples`, one each 5 s."],
    ({ view }) => Response.json({ samples: view.samples() }),
  ),
  "/api/events": read(
    ["Server-sent events `overview` (twice a second at most) and `samples`."],
    ({ view }) => view.events(),
  ),
  "/api/stored": read([
    "Stored series by provider and timeframe as `stored`: how many `series`, and the newest bar of all.",
  ], async (asked) => Response.json(await ownPages(asked).stored())),
  "/api/symbols": read([
    "Stored series with their newest bar: the first 50 as `series`, and whether there are `more`.",
    "`search`: how the symbol begins",
  ], async (asked) => Response.json(await ownPages(asked).series(asked.query.get("search") ?? ""))),
  "/api/bars": read([
    "The newest bars of a series as `bars`, oldest first, their `stepSeconds`, and the `gaps` between them.",
    "`provider`, `symbol`, `timeframe`; `limit` [500], at most 5,000",
  ], async (asked) => {
    const { query } = asked;
    const [provider, symbol, timeframe] = ["provider", "symbol", "timeframe"].map((name) => required(query, name));
    const limit = Number(query.get("limit") ?? BARS);
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_BARS)) {
      throw new RequestError(`Cannot use the limit "${query.get("limit")}": expected a number from 1 to ${MAX_BARS}`);
    }
    const stepMs = TIMEFRAMES.get(timeframe);
    if (stepMs === undefined) {
      const known = [...TIMEFRAMES.keys()].join(", ");
      throw new RequestError(`Cannot use the timeframe "${timeframe}": expected one of ${known}`);
    }
    const found = await ownPages(asked).bars({ provider, symbol, timeframe }, limit);
    return Response.json({ stepSeconds: stepMs / 1000, ...found });
  }),
  ...Object.fromEntries(BAR_FORMATS.map((format) => [
    `/api/bars.${format}`,
    read([
      `Bars of a series as ${
        FORMAT_WORDS[format]
      }, oldest first, also in parts by Range; 404 where no such series is stored.`,
      "`symbol`; `provider` where several have it, `timeframe` [1m], `from`, `to` (before it), `limit`, `adjust` [raw]",
    ], (asked) => ownPages(asked).download(format, asked.query, asked.request)),
  ])),
  "/api/stream": read([
    "Stored bars and those that are committed from now on, each with a cursor: server-sent events, or a WebSocket.",
    "`symbols`, `provider`, `timeframe`, `kinds`; `from`: a cursor or a time; `speed`",
  ], (asked) => streamOf(asked).open(asked.request, asked.query, asked.view.own?.tenant, asked.from)),
  "/api/dead-letters": read(
    ["Counts of dead letters by reason, SQLSTATE and provider as `groups`, the largest first."],
    async (asked) => Response.json(await ownPages(asked).deadLetters.groups()),
  ),
  "/api/dead-letters/letters": read([
    "The oldest dead letters that match as `letters`, and whether there are `more`.",
    "`limit` [20], at most 1,000; `reason`, `sqlstate`, `provider`, `kind`, `cause`, `location`, `symbol`",
  ], async (asked) => Response.json(await ownPages(asked).deadLetters.letters(asked.query))),
  "/api/dead-letters/replay": change([
    "Replays dead letters; answers `replayed`, `refused`, `skipped` and `reasons`; 409 while another process has them.",
    '`{"where": {"sqlstate": "23514"}}`; `{}` as `where` is all; `"force": true` skips none',
  ], async (asked) => Response.json(await ownPages(asked).deadLetters.replay(await readObject(asked.request)))),
  "/api/dead-letters/purge": change([
    "Removes dead letters for good; answers how many were `purged`.",
    '`{"where": {"cause": "invalid"}}`; `{}` as `where` is all',
  ], async (asked) => Response.json(await ownPages(asked).deadLetters.purge(await readObject(asked.request)))),
  "/-/circuit/probe": change(["Lets the next write probe an open circuit at once."], ({ view }) => {
    view.probe();
    return Response.json({ probing: true });
  }),
  "/-/providers/pause": change(["Holds a provider up.", '`{"provider": "kraken"}`'], (asked) => pause(asked, true)),
  "/-/providers/resume": change(
    ["Resumes a paused provider.", '`{"provider": "kraken"}`'],
    (asked) => pause(asked, false),
  ),
  "/-/reload": operate([
    "Reads the configuration again and answers the changes; 400 if it is wrong, and nothing has changed then.",
  ], async ({ sources: { reload } }) => {
    if (reload === undefined) throw new RequestError("Cannot reload: this run has no configuration to read again", 409);
    try {
      return Response.json(await reload());
    } catch (error) {
      throw new RequestError((error as Error).message, 400);
    }
  }),
  "/-/drain": operate(["Closes the providers and writes accepted records; then the run ends."], ({ sources }) => {
    sources.drain();
    return Response.json({ stopping: true });
  }),
  // The page itself contains no data: it requests it, with the token.
  ...Object.fromEntries(
    COCKPIT_PATHS.map((path) => [path, open(["The cockpit."], ({ request }) => serveCockpit(request))]),
  ),
};

function ownPages({ view: { own } }: Asked): OwnPages {
  if (own !== undefined) return own;
  throw new RequestError("Cannot answer for all tenants together: name one in the query, as in ?tenant=NAME");
}

function streamOf({ sources: { stream } }: Asked): StreamService {
  if (stream !== undefined) return stream;
  throw new RequestError("Cannot stream: records go to NATS, expected a database. Ask the hub that stores them", 404);
}

async function pause({ view, request }: Asked, paused: boolean): Promise<Response> {
  const { provider } = await readObject(request);
  if (typeof provider === "string" && view.pause(provider, paused)) return Response.json({ provider, paused });
  throw new RequestError(
    `Cannot find provider ${JSON.stringify(provider)}: expected {"provider": NAME} of a running one`,
  );
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null || value === "") throw new RequestError(`Cannot answer without "${name}" in the query`);
  return value;
}

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  /** `host:port`; port 0 means any free port. */
  readonly address: string;
  /** Token for changes; without it, none are allowed. */
  readonly token: () => string | undefined;
  /** The tenant of each tenant token. */
  readonly tenantTokens?: GuardOptions["tenantTokens"];
  readonly sources: HttpSources;
  /** Most files that the process may have open, if known. */
  readonly maxOpenFiles?: number;
  readonly onListen: (url: string) => void;
  /** Called with lines about changes and errors. */
  readonly log: (message: string) => void;
}

/**
 * Serves.
 *
 * @throws {Error} If it cannot listen on the address.
 */
export function serve({ address, token, tenantTokens, sources, maxOpenFiles, onListen, log }: ServeOptions): Listening {
  const { hostname, port } = parseAddress(address);
  const guard = createGuard({ hostname, token, tenantTokens });
  try {
    const listen = mustShare({ maxOpenFiles }) ? listenShared : keepListening;
    return listen({
      hostname,
      port,
      onListen: (bound) => onListen(`http://${bound.hostname}:${bound.port}`),
      onError(error) {
        log(`Cannot answer a request: ${printable(describeError(error)).slice(0, MAX_LOGGED)}`);
        return withSecurityHeaders(new Response("Cannot answer the request\n", { status: 500 }));
      },
      maxOpenFiles,
      onCrowd: (connections) =>
        log(`Idle connections are closed and new ones refused: ${connections} are open, which is the most`),
      onFailure: (error) => log(`Cannot accept connections, trying again: ${describeError(error)}`),
      handler: async (request, { remoteAddr }) =>
        withSecurityHeaders(await answer(request, remoteAddr.hostname, { guard, sources, maxOpenFiles, log })),
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
  { guard, sources, maxOpenFiles, log }: { guard: Guard } & Pick<ServeOptions, "sources" | "maxOpenFiles" | "log">,
): Promise<Response> {
  const url = URL.parse(request.url);
  if (url === null) return new Response("Cannot read the address or its Host\n", { status: 400 });
  const refused = guard.refuse(request, url, from);
  if (refused !== undefined) return refused;
  const { pathname, searchParams } = url;
  if (pathname.startsWith(ALPACA)) {
    const { stream, database } = sources;
    return await answerAlpaca({
      ...{ request, url, address: from, guard, stream, database, maxOpenFiles },
      onlyTenant: sources.view()?.own?.tenant,
    });
  }
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
  const caller = guard.admit(request, from, route.access);
  if (caller instanceof Response) return caller;
  // PostgreSQL's text cannot contain it.
  if ([...searchParams].some((pair) => pair.join("").includes("\0"))) {
    return new Response("Cannot use a query with the character %00\n", { status: 400 });
  }
  const named = searchParams.get("tenant") ?? undefined;
  const tenant = caller.tenant ?? named;
  const view = sources.view(tenant);
  // A tenant's token must not reveal which other tenants exist.
  if (caller.tenant !== undefined && named !== undefined && named !== caller.tenant) {
    return new Response(`Cannot answer for tenant ${JSON.stringify(named)}: the token is another's\n`, { status: 403 });
  }
  if (view === undefined) {
    return new Response(`Cannot find tenant ${JSON.stringify(tenant)}: there is none of that name\n`, { status: 404 });
  }
  if (route.method === "POST") {
    log(`${pathname} was asked for by ${from}${tenant === undefined ? "" : ` for ${tenant}`}`);
  }
  const started = Date.now();
  try {
    return await route.handle({ sources, view, tenant, query: searchParams, request, from });
  } catch (error) {
    if (error instanceof RequestError) return new Response(`${error.message}\n`, { status: error.status });
    log(`Cannot answer ${pathname}: ${describeError(error)}`);
    return new Response(`Cannot answer ${pathname}: ${describeError(error)}\n`, { status: 500 });
  } finally {
    sources.onRoute?.(request.method, pathname, started);
  }
}
