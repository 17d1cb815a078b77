/**
 * Sends spans to a collector as OTLP over HTTP with JSON, for compiled binaries, which have Deno's own export only if
 * it was on while they were compiled. It follows the `OTEL_*` variables of the OpenTelemetry specification.
 *
 * @module
 */
import { type Context, context, type Span, type SpanOptions, trace, type Tracer } from "@opentelemetry/api";
import { attributeList, type SpanJson, startSpan } from "./span.ts";

/** Spans of one request, at most. */
const MAX_BATCH = 512;

/** Spans that wait for a collector, at most; newer ones are dropped. */
const MAX_QUEUE = 2048;

/** Longest time to send the last spans at the end, in milliseconds. */
const FLUSH_MS = 2000;

/** An export in progress. */
export interface SpanExport extends AsyncDisposable {
  readonly tracer: Tracer;
}

/**
 * Begins to export the spans of its tracer, every `OTEL_BSP_SCHEDULE_DELAY` milliseconds (5,000), to
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or below `OTEL_EXPORTER_OTLP_ENDPOINT` (port 4318 of this host). An unreachable
 * collector only costs spans. `variable` reads an environment variable.
 */
export function startSpanExport(variable: (name: string) => string | undefined): SpanExport {
  const base = variable("OTEL_EXPORTER_OTLP_ENDPOINT") || "http://localhost:4318";
  const url = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") || `${base.replace(/\/+$/, "")}/v1/traces`;
  const timeoutMs = Number(variable("OTEL_EXPORTER_OTLP_TIMEOUT") || 10_000);
  const headers = { "content-type": "application/json", ...pairs(variable("OTEL_EXPORTER_OTLP_HEADERS")) };
  const resource = {
    attributes: attributeList({
      ...pairs(variable("OTEL_RESOURCE_ATTRIBUTES")),
      "service.name": variable("OTEL_SERVICE_NAME") || "barline",
    }),
  };
  const waiting: SpanJson[] = [];
  let sending: Promise<void> | undefined;

  async function send(spans: SpanJson[], deadlineMs: number): Promise<void> {
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "barline" }, spans }] }] });
    try {
      const signal = AbortSignal.timeout(deadlineMs);
      const response = await fetch(url, { method: "POST", headers, body, signal });
      await response.body?.cancel();
    } catch {
      // Traces help to find faults, and must not cause any.
    }
  }

  async function sendAll(deadlineMs: number): Promise<void> {
    while (waiting.length > 0) await send(waiting.splice(0, MAX_BATCH), deadlineMs);
  }

  const flush = (deadlineMs: number) => sending ??= sendAll(deadlineMs).finally(() => sending = undefined);

  function start(name: string, options: SpanOptions = {}, parent: Context = context.active()): Span {
    const above = options.root ? undefined : trace.getSpanContext(parent);
    return startSpan(name, options, above, (span) => {
      if (waiting.length < MAX_QUEUE) waiting.push(span);
    });
  }

  const timer = setInterval(() => flush(timeoutMs), Number(variable("OTEL_BSP_SCHEDULE_DELAY") || 5000));
  Deno.unrefTimer(timer);
  return {
    tracer: {
      startSpan: start,
      startActiveSpan(name: string, ...rest: unknown[]) {
        const span = start(name, ...rest.slice(0, -1) as [SpanOptions?, Context?]);
        return (rest.at(-1) as (span: Span) => unknown)(span);
      },
    } as Tracer,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      const late = Promise.withResolvers<void>();
      const deadline = setTimeout(late.resolve, FLUSH_MS);
      await Promise.race([flush(FLUSH_MS), late.promise]);
      clearTimeout(deadline);
    },
  };
}

/** Reads `name=value,name=value`, whose values are URL-encoded. */
function pairs(text = ""): Record<string, string> {
  return Object.fromEntries(
    text.split(",").filter((pair) => pair.includes("=")).map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())];
    }),
  );
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
