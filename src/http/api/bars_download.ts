/**
 * `GET /api/bars.csv`, `.ndjson`, `.parquet` and `.arrow`: the bars of a series. Text is streamed at the pace of the
 * client. Parquet and Arrow are written to files first, so that clients may read parts of them, and so is text if its
 * length or a part is requested.
 *
 * @module
 */
import type { Database } from "../../database/database.ts";
import type { TableWriter, WriteBytes } from "../../files/write/column.ts";
import { writeCsv, writeNdjson } from "../../files/write/text.ts";
import { RequestError } from "../body.ts";
import { respondWithFile } from "../file_response.ts";
import { createSpool } from "../spool.ts";
import { type BarFormat, type BarsRequest, readBarsRequest } from "./bars_request.ts";
import { BAR_COLUMNS, type OpenSeries, openSeries } from "./bars_rows.ts";

/** Most answers streamed at once, as each takes a connection to the database. */
const MOST_STREAMS = 8;
/** How long a client may read nothing before its answer is ended, in milliseconds. */
const STALL_MS = 60_000;

const TYPES: Readonly<Record<BarFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  ndjson: "application/x-ndjson",
  parquet: "application/vnd.apache.parquet",
  arrow: "application/vnd.apache.arrow.file",
};

type TextFormat = "csv" | "ndjson";
const TEXT_WRITERS = { csv: writeCsv, ndjson: writeNdjson };
const isText = (format: BarFormat): format is TextFormat => Object.hasOwn(TEXT_WRITERS, format);

/** Answers requests for bars; disposing of it ends them. */
export interface BarsDownloads extends AsyncDisposable {
  /**
   * Answers with the bars of a tenant.
   *
   * @throws {RequestError} If the request is wrong, no such bars are stored, or too many clients read at once.
   */
  answer(tenant: string, format: BarFormat, query: URLSearchParams, request: Request): Promise<Response>;
}

/** Options of {@linkcode createBarsDownloads}. */
export interface BarsDownloadsOptions {
  /** The database to read; absent for a stream. */
  readonly database: Database | undefined;
  /** A separate directory for files. */
  readonly directory: string;
  /** Ends all answers. */
  readonly stop: AbortSignal;
  /** How long a client may read nothing until its answer is ended, in milliseconds. @default {60_000} */
  readonly stallMs?: number;
}

/** Creates the answers to requests for bars. */
export function createBarsDownloads(
  { database, directory, stop, stallMs = STALL_MS }: BarsDownloadsOptions,
): BarsDownloads {
  const spool = createSpool(directory);
  let streams = 0;

  /** Opens the series until the signal aborts. */
  function open(tenant: string, asked: BarsRequest, signal: AbortSignal): Promise<OpenSeries> {
    if (database === undefined) {
      throw new RequestError("Cannot give bars: they go to NATS, and none are stored here", 404);
    }
    return openSeries(database, tenant, asked, AbortSignal.any([stop, signal]));
  }

  async function stream(tenant: string, format: TextFormat, asked: BarsRequest) {
    if (streams >= MOST_STREAMS) {
      throw new RequestError(`Cannot give bars: ${MOST_STREAMS} clients read some already, try again`, 503);
    }
    streams++;
    const life = new AbortController();
    try {
      const opened = await open(tenant, asked, life.signal);
      const end = async () => {
        streams--;
        await opened[Symbol.asyncDispose]();
      };
      const headers = { ...headersOf(format, asked, opened), "accept-ranges": "bytes" };
      const createWriter = (write: WriteBytes) => TEXT_WRITERS[format](BAR_COLUMNS, write);
      return new Response(streamTable({ opened, createWriter, life, stallMs, end }), { headers });
    } catch (error) {
      streams--;
      throw error;
    }
  }

  async function spooled(tenant: string, format: BarFormat, asked: BarsRequest, request: Request) {
    const options = { isPart: request.headers.has("range"), signal: AbortSignal.any([stop, request.signal]) };
    const file = await spool.get(JSON.stringify([tenant, format, asked]), async (write, signal) => {
      await using opened = await open(tenant, asked, signal);
      const writer = await createFileWriter(format, write);
      for await (const rows of opened.pages()) await writer.write(rows);
      await writer.end();
      return { ...headersOf(format, asked, opened), "cache-control": "no-store, no-transform" };
    }, options);
    return await respondWithFile(request, file);
  }

  return {
    answer(tenant, format, query, request) {
      const asked = readBarsRequest(query);
      // Only a file has a length, and parts.
      const isStreamed = request.method === "GET" && !request.headers.has("range");
      return isStreamed && isText(format) ? stream(tenant, format, asked) : spooled(tenant, format, asked, request);
    },
    [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose](),
  };
}

async function createFileWriter(format: BarFormat, write: WriteBytes): Promise<TableWriter> {
  if (isText(format)) return TEXT_WRITERS[format](BAR_COLUMNS, write);
  if (format === "parquet") return (await import("../../files/write/parquet.ts")).writeParquet(BAR_COLUMNS, write);
  return (await import("../../files/write/arrow.ts")).writeArrow(BAR_COLUMNS, write);
}

function headersOf(format: BarFormat, { symbol, timeframe }: BarsRequest, { series: { view } }: OpenSeries) {
  const name = `${symbol}-${timeframe}.${format}`.replace(/[^\w.-]/g, "-");
  return {
    "content-type": TYPES[format],
    "content-disposition": `attachment; filename="${name}"`,
    // Whether the bars are stored, or rolled up from shorter ones.
    "x-barline-view": view,
  };
}

/** Options of {@linkcode streamTable}. */
interface StreamOptions {
  readonly opened: OpenSeries;
  readonly createWriter: (write: WriteBytes) => TableWriter;
  /** Cuts the connection, with its running statement. */
  readonly life: AbortController;
  readonly stallMs: number;
  /** Called once, however the stream ends. */
  readonly end: () => Promise<void>;
}

/** The rows as text, page by page, as the client reads. */
function streamTable({ opened, createWriter, life, stallMs, end }: StreamOptions): ReadableStream<Uint8Array> {
  const pages = opened.pages();
  let pieces: Uint8Array[] = [];
  let isOver = false;
  let stall: ReturnType<typeof setTimeout> | undefined;
  const writer = createWriter((bytes) => Promise.resolve(void pieces.push(bytes)));

  async function close(): Promise<void> {
    clearTimeout(stall);
    if (isOver) return;
    isOver = true;
    await end().catch(() => {});
  }

  /** Ends the stream where the client reads nothing for too long. */
  function watch(controller: ReadableStreamDefaultController): void {
    stall = setTimeout(() => {
      controller.error(new Error(`The client has read nothing for ${stallMs} ms`));
      close();
    }, stallMs);
  }

  return new ReadableStream({
    start: watch,
    async pull(controller) {
      clearTimeout(stall);
      try {
        const { done, value } = await pages.next();
        if (done) await writer.end();
        else await writer.write(value);
        for (const piece of pieces) controller.enqueue(piece);
        pieces = [];
        if (!done) return watch(controller);
        controller.close();
        await close();
      } catch (error) {
        await close();
        throw error;
      }
    },
    async cancel(reason) {
      life.abort(reason);
      await close();
    },
  }, { highWaterMark: 0 });
}
