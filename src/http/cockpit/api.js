/**
 * The server, as the page sees it.
 *
 * @module
 */

const TOKEN = "barline-token";
/** Ends the stream of events that is read, and the wait for the next. */
let following = new AbortController();

/** The token that was entered, kept until the window is closed. */
export const token = {
  get: () => sessionStorage.getItem(TOKEN) ?? "",
  set(value) {
    if (value === "") sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, value);
    // What the token before has shown may be another tenant's.
    following.abort();
  },
};

/** The tenant that the page's address names; empty for all that the token shows. */
export const tenant = new URLSearchParams(location.search).get("tenant") ?? "";

/** The path, for the tenant that is shown. */
function ofTenant(path) {
  return tenant === "" ? path : `${path}${path.includes("?") ? "&" : "?"}tenant=${encodeURIComponent(tenant)}`;
}

function headers() {
  return token.get() === "" ? {} : { authorization: `Bearer ${token.get()}` };
}

/** Gets or posts JSON. Throws an `Error` with the server's words where it refuses. */
export async function call(path, body) {
  const response = await fetch(ofTenant(path), {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers(), ...(body === undefined ? {} : { "content-type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) {
    const words = response.status === 401
      ? "A token is needed: enter it above, under Token"
      : text.trim().slice(0, 300);
    throw new Error(words || `The server answered ${response.status}`);
  }
  return text === "" ? undefined : JSON.parse(text);
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Follows `/api/events`, and again after each end, with growing waits. Not an `EventSource`, which cannot send a token.
 * Both callbacks are called for ever.
 */
export async function follow(onEvent, onLost) {
  for (let waitMs = FIRST_WAIT_MS;; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    following = new AbortController();
    const { signal } = following;
    try {
      const response = await fetch(ofTenant("/api/events"), {
        signal,
        headers: { ...headers(), accept: "text/event-stream" },
      });
      if (!response.ok) throw new Error(response.status === 401 ? "a token is needed" : `status ${response.status}`);
      let rest = "";
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const name = /^event: (.*)$/m.exec(event)?.[1] ?? "message";
          const data = [...event.matchAll(/^data: (.*)$/gm)].map(([, line]) => line).join("\n");
          if (data !== "") onEvent(name, JSON.parse(data));
        }
        waitMs = FIRST_WAIT_MS;
      }
      onLost("the server ended the connection");
    } catch (error) {
      onLost(error.message);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, waitMs);
      if (signal.aborted) resolve();
      signal.addEventListener("abort", resolve, { once: true });
    });
  }
}
