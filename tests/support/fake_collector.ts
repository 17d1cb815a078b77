/**
 * An OTLP collector over HTTP with JSON, as `OTEL_EXPORTER_OTLP_PROTOCOL=http/json` sends it.
 *
 * @module
 */
import { deadline } from "@std/async/deadline";

/** A span as it was sent. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly status?: { code?: number; message?: string };
}

/** A collector that keeps what it is sent. */
export interface FakeCollector extends AsyncDisposable {
  /** Variables that make Deno send its telemetry here. */
  readonly env: Record<string, string>;
  readonly spans: SentSpan[];
  /** Resolves when a span of that name is there; rejects if there is none after half a minute. */
  span(name: string): Promise<SentSpan>;
}

/** Starts a collector on a free port. */
export function startCollector(): FakeCollector {
  const spans: SentSpan[] = [];
  let wake = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.json();
    for (const { scopeSpans } of body.resourceSpans ?? []) for (const scope of scopeSpans) spans.push(...scope.spans);
    wake.resolve();
    wake = Promise.withResolvers();
    return Response.json({});
  });
  return {
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    },
    spans,
    async span(name) {
      const find = () => spans.find((span) => span.name === name);
      const arrived = async () => {
        while (find() === undefined) await wake.promise;
      };
      await deadline(arrived(), 30_000);
      return find()!;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
