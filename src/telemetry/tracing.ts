/**
 * Traces: a span for each batch, from the events of the pipeline. Deno's own OpenTelemetry sends the spans
 * (`OTEL_DENO=true` and the `OTEL_*` variables) or, in a compiled binary, which lacks it, Barline's export; without
 * that variable nothing is installed, and nothing is spent.
 *
 * @module
 */
import { context, type Link, type Span, SpanKind, SpanStatusCode, trace, type Tracer } from "@opentelemetry/api";
import { type EventOf, type FrameOrigin, type Listener, on, type PipelineEvent } from "../events.ts";
import { startSpanExport } from "./otlp/export.ts";

/** Most frames of a batch with their own span, to which the batch's is linked. */
const MAX_LINKS = 32;

/** The traces of a run. */
export interface Tracing extends AsyncDisposable {
  /** Creates the traces of a tenant's batches. */
  batches(tenant: string): BatchTraces;
  /** Names the request that started at `started`, in milliseconds since 1970, by the route that answered. */
  route(method: string, path: string, started: number): void;
}

/** The traces of batches. */
export interface BatchTraces {
  /** Register it before listeners that read trace ids. */
  readonly listen: Listener;
  /** The trace that an event belongs to, as 32 hexadecimal digits. */
  traceOf(event: PipelineEvent): string | undefined;
}

/**
 * Creates the traces: a span `batch` from the receipt of its oldest frame to its end, with children `queue`, `write`
 * for each attempt, and `dead-letter`; linked to a span `frame` of each frame. Records have no spans.
 */
export function createTracing(variable: (name: string) => string | undefined): Tracing {
  const native = trace.getTracer("barline");
  const ours = native.startSpan("probe").isRecording() ? undefined : startSpanExport(variable);
  const tracer = ours?.tracer ?? native;
  return {
    batches: (tenant) => createBatchTraces(tracer, tenant),
    route(method, path, started) {
      const name = `${method} ${path}`;
      const active = trace.getActiveSpan();
      if (active !== undefined) active.setAttribute("http.route", path).updateName(name);
      else {
        const attributes = { "http.route": path, "http.request.method": method };
        tracer.startSpan(name, { kind: SpanKind.SERVER, root: true, startTime: started, attributes }).end();
      }
    },
    async [Symbol.asyncDispose]() {
      await ours?.[Symbol.asyncDispose]();
    },
  };
}

function createBatchTraces(tracer: Tracer, tenant: string): BatchTraces {
  const open = new Map<string, Span>();
  const keyOf = ({ kind, worker }: { kind: string; worker: number }) => `${kind} ${worker}`;

  /** A finished span, below its parent. */
  function record(
    parent: Span,
    name: string,
    from: number,
    to: number,
    failure?: { fault: string; error: unknown },
  ): void {
    const span = tracer.startSpan(name, { startTime: from }, trace.setSpan(context.active(), parent));
    if (failure !== undefined) {
      span.setAttribute("barline.fault", failure.fault);
      span.recordException(failure.error instanceof Error ? failure.error : String(failure.error), to);
      span.setStatus({ code: SpanStatusCode.ERROR, message: String(failure.error) });
    }
    span.end(to);
  }

  function link({ provider, receivedAt, count }: FrameOrigin): Link {
    const span = tracer.startSpan("frame", {
      kind: SpanKind.CONSUMER,
      startTime: receivedAt / 1000,
      root: true,
      attributes: { "barline.provider": provider, "barline.records": count },
    });
    span.end();
    return { context: span.spanContext() };
  }

  function recordWrite(
    event: EventOf<"batch-written" | "write-failed">,
    failure?: { fault: string; error: unknown },
  ): void {
    const now = Date.now();
    const span = open.get(keyOf(event));
    if (span !== undefined) record(span, "write", now - event.attemptSeconds * 1000, now, failure);
  }

  return {
    listen: on({
      "batch-taken"(event) {
        const now = Date.now();
        const { kind, worker, count, frames } = event;
        const first = Math.min(...frames.map(({ receivedAt }) => receivedAt / 1000), now);
        const span = tracer.startSpan("batch", {
          root: true,
          startTime: first,
          links: frames.slice(0, MAX_LINKS).map(link),
          attributes: {
            "barline.tenant": tenant,
            "barline.kind": kind,
            "barline.worker": worker,
            "barline.records": count,
            "barline.frames": frames.length,
          },
        });
        record(span, "queue", first, now);
        open.set(keyOf(event), span);
      },
      "batch-written": (event) => recordWrite(event),
      "write-failed": (event) => recordWrite(event, event),
      "batch-done"(event) {
        const now = Date.now();
        const span = open.get(keyOf(event));
        if (span === undefined) return;
        if (event.refused > 0) {
          record(span, "dead-letter", now - event.burySeconds * 1000, now);
          span.setAttribute("barline.refused", event.refused);
        }
        span.end();
        open.delete(keyOf(event));
      },
    }),
    traceOf(event) {
      const span = "worker" in event ? open.get(keyOf(event)) : undefined;
      return span?.spanContext().traceId;
    },
  };
}
