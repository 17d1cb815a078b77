/**
 * The query of `/api/stream`.
 *
 * @module
 */
import { parseTimeOrDay } from "../../records/time.ts";
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { parseCursor } from "../../stream/cursor.ts";
import type { Filter } from "../../stream/filter.ts";
import type { Start } from "../../stream/source.ts";
import { RequestError } from "../body.ts";

/** The request of a reader. */
export interface Asked {
  readonly filter: Filter;
  readonly start: Start | undefined;
  readonly speed: number | undefined;
}

/** Most symbols of a reader, each of at most 64 characters. */
const MAX_SYMBOLS = 5000;

/**
 * Reads the query. `lastEventId` comes from a browser that reconnects, and is stronger than `from`, which is still in
 * the address.
 *
 * @throws {RequestError} If it is not valid.
 */
export function readQuery(query: URLSearchParams, lastEventId: string | null, tenant: string | undefined): Asked {
  const kinds = query.get("kinds") ?? "bar";
  if (kinds !== "bar") {
    throw new RequestError(`Cannot stream the kinds "${kinds}": expected bar, which is all there is`);
  }
  const timeframe = query.get("timeframe") ?? undefined;
  if (timeframe !== undefined && !TIMEFRAMES.has(timeframe)) {
    throw new RequestError(
      `Cannot use the timeframe "${timeframe}": expected one of ${[...TIMEFRAMES.keys()].join(", ")}`,
    );
  }
  const from = lastEventId || query.get("from");
  const start = from === null ? undefined : readStart(from);
  const speed = readSpeed(query.get("speed"));
  if (speed !== undefined && (start === undefined || "seen" in start)) {
    throw new RequestError("Cannot replay with speed: expected from=TIME too, for instance from=2024-01-02T14:30:00Z");
  }
  return {
    filter: {
      tenant,
      symbols: readSymbols(query.get("symbols")),
      provider: query.get("provider") ?? undefined,
      timeframe,
    },
    start,
    speed,
  };
}

function readSymbols(text: string | null): ReadonlySet<string> | undefined {
  if (text === null || text === "*") return undefined;
  const symbols = new Set(text.split(",").map((symbol) => symbol.trim()).filter((symbol) => symbol !== ""));
  if (symbols.size >= 1 && symbols.size <= MAX_SYMBOLS) return symbols;
  throw new RequestError(`Cannot use ${symbols.size} symbols: expected 1 to ${MAX_SYMBOLS}, or * for all`);
}

function readStart(text: string): Start {
  const cursor = parseCursor(text);
  if (cursor !== undefined) return cursor;
  const fromMs = /^\d{1,10}(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseTimeOrDay(text);
  if (Number.isFinite(fromMs)) return { fromMs };
  throw new RequestError(
    `Cannot start from ${JSON.stringify(text.slice(0, 100))}: expected a cursor of a message, a day, a time with its ` +
      "zone such as 2024-01-02T14:30:00Z, or seconds since 1970",
  );
}

function readSpeed(text: string | null): number | undefined {
  if (text === null || text === "max") return undefined;
  const speed = Number(text);
  if (text !== "" && speed > 0 && Number.isFinite(speed)) return speed;
  throw new RequestError(`Cannot use the speed "${text}": expected a number above 0, or max`);
}
