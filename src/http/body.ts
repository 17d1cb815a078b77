/**
 * Limits of the bodies of requests, and headers of responses.
 *
 * @module
 */

/** A wrong request; answered with its status and message. */
export class RequestError extends Error {
  override name = "RequestError";
  /** Makes the error. */
  constructor(message: string, readonly status = 400) {
    super(message);
  }
}

/** Longest body, in bytes: a choice of dead letters is far shorter. */
const MAX_BODY_BYTES = 64 * 1024;
/**
 * Reads the JSON object of a body; an empty body is an empty object. Waits for it `timeoutMs` in all, by default 10 s.
 *
 * @throws {RequestError} If it is not a JSON object, is too long, or does not come in time.
 */
export async function readObject(request: Request, timeoutMs = 10_000): Promise<Record<string, unknown>> {
  const text = await readText(request, timeoutMs);
  if (text.trim() === "") return {};
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Reported below.
  }
  throw new RequestError("Cannot read the body: expected one JSON object");
}

async function readText(request: Request, timeoutMs: number): Promise<string> {
  const tooLong = new RequestError(`Cannot read the body: it is longer than ${MAX_BODY_BYTES} bytes`, 413);
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLong;
  if (request.body === null) return "";
  const reader = request.body.pipeThrough(new TextDecoderStream()).getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {});
  }, timeoutMs);
  let text = "";
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      text += value;
      if (text.length > MAX_BODY_BYTES) throw tooLong;
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
  if (isLate) throw new RequestError("Cannot read the body: it did not come in time", 408);
  return text;
}

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** Adds headers that restrict browsers, unless the response has them. */
export function withSecurityHeaders(response: Response): Response {
  if (response.status === 101) return response;
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!response.headers.has(name)) response.headers.set(name, value);
  }
  return response;
}
