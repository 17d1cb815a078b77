/**
 * How the fakes over HTTP go wrong: their answers lapse, and their clocks are their own.
 *
 * @module
 */

/** Answers in place of a plain answer, or changes it. */
export type Lapse = (url: URL, plain: () => Promise<Response>) => Response | Promise<Response>;

/** What a fake's REST side consults before it answers; change it at will. */
export interface Lapses {
  /** What the vendor's clock shows, in epoch ms. @default {this machine's} */
  now: () => number;
  /** Applies to each answer while it is set. */
  lapse?: Lapse;
  /** REST requests that are not answered yet. */
  pending: number;
}

/** Makes lapses of a vendor who has none yet. */
export function createLapses(): Lapses {
  return { now: () => Date.now(), pending: 0 };
}

/** Answers a REST request: as a lapse has it, and at the vendor's own time. */
export async function answerWith(
  lapses: Lapses,
  url: URL,
  plain: () => Response | Promise<Response>,
): Promise<Response> {
  lapses.pending++;
  try {
    const response = await (lapses.lapse?.(url, async () => await plain()) ?? plain());
    response.headers.set("date", new Date(lapses.now()).toUTCString());
    return response;
  } finally {
    lapses.pending--;
  }
}

/** An answer of status 200 whose body is this text. */
export function say(text: string): Lapse {
  return () => new Response(text, { headers: { "content-type": "application/json" } });
}

/** The plain answer, of whose body the end is missing. */
export const cutShort: Lapse = async (_, plain) => {
  const text = await (await plain()).text();
  return say(text.slice(0, Math.floor(text.length / 2)))(_, plain);
};

/** The plain answer with its JSON changed. */
export function alterJson(change: (body: Record<string, unknown>, url: URL) => unknown): Lapse {
  return async (url, plain) => {
    const answer = await plain();
    return Response.json(change(await answer.json(), url), { status: answer.status });
  };
}
