/**
 * A webhook on loopback that does what a test tells it to.
 *
 * @module
 */

/** The webhook. */
export interface Webhook extends AsyncDisposable {
  /** Its address, with a token that must never be shown. */
  readonly url: string;
  /** What was posted so far, in order. */
  // deno-lint-ignore no-explicit-any
  readonly posted: any[];
  /** The method and address of each, and the type of its body. */
  readonly requests: readonly { method: string; url: string; type: string | null }[];
  /** Answers the next requests: with a status, or not until the test is over. Then 204. */
  readonly script: (number | "hang")[];
  /** Waits until that many requests have come. */
  until(count: number): Promise<void>;
}

export const TOKEN = "t0ken-never-to-be-seen";

/** Starts a webhook. */
export function startWebhook(script: (number | "hang")[] = []): Webhook {
  const posted: unknown[] = [];
  const requests: { method: string; url: string; type: string | null }[] = [];
  const watchers = new Set<() => void>();
  const over = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    posted.push(await request.json());
    requests.push({ method: request.method, url: request.url, type: request.headers.get("content-type") });
    const next = script.shift() ?? 204;
    for (const watch of watchers) watch();
    if (next === "hang") await over.promise;
    return new Response(null, { status: next === "hang" ? 204 : next, headers: { location: "/elsewhere" } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/hook?token=${TOKEN}`,
    posted,
    requests,
    script,
    until: (count) =>
      new Promise((resolve) => {
        const watch = () => {
          if (posted.length >= count) resolve();
        };
        watchers.add(watch);
        watch();
      }),
    async [Symbol.asyncDispose]() {
      over.resolve();
      await server.shutdown();
    },
  };
}
