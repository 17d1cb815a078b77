/**
 * Spans that end as the JSON of OTLP (opentelemetry-proto, `trace/v1`).
 *
 * @module
 */
import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
  TraceFlags,
} from "@opentelemetry/api";

/** A span in the protocol's JSON: identifiers in hexadecimal, times in nanoseconds as text. */
export type SpanJson = Record<string, unknown>;

/** Seconds and nanoseconds; other times are milliseconds since 1970. */
const isHrTime = (time: TimeInput): time is HrTime => Array.isArray(time);

function nanoseconds(time: TimeInput = Date.now()): string {
  if (isHrTime(time)) return String(BigInt(time[0]) * 1_000_000_000n + BigInt(time[1]));
  return String(BigInt(Math.round(Number(time) * 1000)) * 1000n);
}

function attributeValue(value: AttributeValue): Record<string, unknown> {
  if (typeof value === "boolean") return { boolValue: value };
  if (Number.isSafeInteger(value)) return { intValue: String(value) };
  if (typeof value === "number") return { doubleValue: value };
  return { stringValue: String(value) };
}

/** Attributes in the protocol's JSON. */
export const attributeList = (attributes: Attributes = {}) =>
  Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: attributeValue(value) }]
  );

/** A new identifier of `bytes` bytes, in hexadecimal. */
const identifier = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)).toHex();

/** Starts a span below `parent`, or a new trace; `ended` is called with the finished span. */
export function startSpan(
  name: string,
  options: SpanOptions,
  parent: SpanContext | undefined,
  ended: (span: SpanJson) => void,
): Span {
  const context: SpanContext = {
    traceId: parent?.traceId ?? identifier(16),
    spanId: identifier(8),
    traceFlags: TraceFlags.SAMPLED,
  };
  const attributes: Attributes = { ...options.attributes };
  const links: Link[] = [...options.links ?? []];
  const events: { name: string; timeUnixNano: string; attributes: unknown }[] = [];
  const started = nanoseconds(options.startTime);
  let status: SpanStatus = { code: SpanStatusCode.UNSET };
  let isRecording = true;
  const span: Span = {
    spanContext: () => context,
    isRecording: () => isRecording,
    setAttribute: (key, value) => span.setAttributes({ [key]: value }),
    setAttributes: (added) => (Object.assign(attributes, added), span),
    addLink: (link) => span.addLinks([link]),
    addLinks: (added) => (links.push(...added), span),
    setStatus: (set) => (status = set, span),
    updateName: (newName) => (name = newName, span),
    addEvent(event, detail, time) {
      const isTime = typeof detail === "number" || detail instanceof Date || Array.isArray(detail);
      events.push({
        name: event,
        timeUnixNano: nanoseconds(isTime ? detail as TimeInput : time),
        attributes: attributeList(isTime ? {} : detail as Attributes),
      });
      return span;
    },
    recordException(exception: Exception, time) {
      const { name: type, message, stack } = typeof exception === "string"
        ? { message: exception } as Error
        : exception;
      const detail = { "exception.type": type, "exception.message": message, "exception.stacktrace": stack };
      span.addEvent("exception", detail, time);
    },
    end(time) {
      if (!isRecording) return;
      isRecording = false;
      ended({
        ...context,
        parentSpanId: parent?.spanId,
        name,
        // The protocol's kinds begin with "unspecified", unlike the interface's.
        kind: (options.kind ?? 0) + 1,
        startTimeUnixNano: started,
        endTimeUnixNano: nanoseconds(time),
        attributes: attributeList(attributes),
        events,
        links: links.map((link) => ({ ...link.context, attributes: attributeList(link.attributes) })),
        status,
      });
    },
  };
  return span;
}
