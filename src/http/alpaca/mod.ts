/**
 * The pages below `/alpaca/`, for programs written for Alpaca.
 *
 * @module
 */
import type { Database } from "../../database/database.ts";
import { withClient } from "../../database/database.ts";
import { describeError } from "../../telemetry/log.ts";
import { RequestError } from "../body.ts";
import type { Guard } from "../guard.ts";
import type { StreamService } from "../stream/service.ts";
import { createAdmission, providerOf, tokenOf } from "./access.ts";
import { readBarsQuery, readPage } from "./bars.ts";
import { openAlpacaStream } from "./stream.ts";

/** First part of the paths. */
export const ALPACA = "/alpaca/";
/** Longest run of a query, in milliseconds. */
const QUERY_MS = 30_000;

/** Options of {@linkcode answerAlpaca}. */
export interface AlpacaOptions {
  readonly request: Request;
  readonly url: URL;
  readonly address: string;
  readonly guard: Guard;
  readonly stream: StreamService | undefined;
  readonly database: Database | undefined;
  readonly maxOpenFiles?: number | undefined;
  /** The only tenant of a run with one. */
  readonly onlyTenant: string | undefined;
}

/** Answers; errors are JSON in the form that Alpaca's clients read. */
export async function answerAlpaca(options: AlpacaOptions): Promise<Response> {
  try {
    return await route(options);
  } catch (error) {
    const status = error instanceof RequestError ? error.status : 500;
    return fail(status, error instanceof RequestError ? error.message : describeError(error));
  }
}

const fail = (status: number, message: string) => Response.json({ code: status * 100_000, message }, { status });

async function route({ request, url, address, guard, stream, database, maxOpenFiles, onlyTenant }: AlpacaOptions) {
  if (stream === undefined || database === undefined) {
    throw new RequestError("Cannot answer: records go to NATS, and none are stored here", 404);
  }
  if (request.method !== "GET") throw new RequestError("Only GET is answered", 405);
  const path = decodeURIComponent(url.pathname.slice(ALPACA.length - 1));
  const token = tokenOf(request.headers);
  const admit = createAdmission(guard, request, address);
  const bars = /^\/(?:v2\/stocks|v1beta3\/crypto\/([^/]+))(?:\/([^/]+))?\/bars$/.exec(path);
  if (bars !== null) {
    const caller = admit(token);
    if (caller instanceof Response) throw new RequestError((await caller.text()).trim(), caller.status);
    const [, location, symbol] = bars;
    const query = url.searchParams;
    if (location !== undefined) query.set("feed", location);
    const page = await withClient(
      database,
      (client, names) => readPage(client, names, caller.tenant ?? onlyTenant, readBarsQuery(query, symbol)),
      AbortSignal.timeout(QUERY_MS),
    );
    return Response.json(symbol === undefined ? page : { ...page, bars: page.bars[symbol] ?? [], symbol });
  }
  const feed = /^\/(?:v2|v1beta3\/crypto)\/([^/]+)$/.exec(path)?.[1];
  if (feed === undefined) throw new RequestError(`Cannot find ${path}: expected bars or their stream`, 404);
  return openAlpacaStream({
    ...{ request, stream, address, maxOpenFiles, admit, token },
    provider: providerOf(feed),
    tenantOf: (caller) => caller.tenant ?? onlyTenant,
  });
}
