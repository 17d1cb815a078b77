/**
 * What a process needs, measured from outside again and again, and whether it stays flat.
 *
 * @module
 */
import type { TestServer } from "../../support/postgres.ts";

/** One look at the process. */
export interface Sample {
  readonly seconds: number;
  readonly rssMb: number;
  readonly fds: number;
  readonly connections: number;
  /** How many processes of the whole machine want a processor, as an average of a minute. */
  readonly load: number;
  /** Bars stored a second since the look before. */
  readonly rate: number;
  /** Receipt to commit since the look before, in milliseconds; not there where nothing was committed. */
  readonly p50?: number;
  readonly p99?: number;
  readonly failedWrites: number;
  /** The histogram of receipt to commit since the start: how many took up to so many seconds. */
  readonly latencies: ReadonlyMap<number, number>;
}

/** Looks at a process, its metrics page and the server's list of sessions. */
export function createSampler(pid: number, metricsUrl: string, server: TestServer, now = () => performance.now()) {
  const started = now();
  let before = { at: started, stored: 0, failed: 0, buckets: new Map<number, number>() };
  return async (): Promise<Sample> => {
    const page = await (await fetch(metricsUrl)).text();
    const sum = (name: string, label = "") =>
      lines(page, name, label).reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
    const buckets = new Map(
      lines(page, "barline_receive_to_commit_seconds_bucket", "").map((line) => {
        const [, le, count] = /le="([^"]+)".* (\d+)$/.exec(line)!;
        return [le === "+Inf" ? Infinity : Number(le), Number(count)];
      }),
    );
    const next = {
      at: now(),
      stored: sum("barline_records_stored_total"),
      failed: sum("mds_worker_write_errors_total"),
      buckets,
    };
    const sessions = await server.query(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'barline'",
    );
    const sample: Sample = {
      seconds: (next.at - started) / 1000,
      rssMb: readRss(pid),
      fds: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
      connections: sessions[0].count as number,
      load: Deno.loadavg()[0],
      rate: (next.stored - before.stored) / ((next.at - before.at) / 1000),
      p50: quantile(before.buckets, buckets, 0.5),
      p99: quantile(before.buckets, buckets, 0.99),
      failedWrites: next.failed - before.failed,
      latencies: buckets,
    };
    before = next;
    return sample;
  };
}

function lines(page: string, name: string, label: string): string[] {
  return page.split("\n").filter((line) =>
    (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(label)
  );
}

function readRss(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return Number(kilobytes) / 1024;
}

/** A quantile in milliseconds of what came into a histogram meanwhile, linear within its bucket as Prometheus has it. */
function quantile(
  from: ReadonlyMap<number, number>,
  to: ReadonlyMap<number, number>,
  part: number,
): number | undefined {
  const counts = [...to].map(([bound, count]) => ({ bound, count: count - (from.get(bound) ?? 0) }));
  const total = counts.at(-1)?.count ?? 0;
  if (total === 0) return undefined;
  const wanted = total * part;
  let lower = { bound: 0, count: 0 };
  for (const upper of counts) {
    if (upper.count >= wanted) {
      if (upper.bound === Infinity) return lower.bound * 1000;
      const share = (wanted - lower.count) / (upper.count - lower.count);
      return (lower.bound + (upper.bound - lower.bound) * share) * 1000;
    }
    lower = upper;
  }
}

/** How much a figure may grow from the second quarter of a run to the last, and still count as flat. */
const TOLERANCES = {
  rssMb: { title: "RSS, MB", factor: 1.1, more: 5 },
  fds: { title: "file descriptors", factor: 1, more: 2 },
  connections: { title: "connections", factor: 1, more: 1 },
  p50: { title: "latency p50, ms", factor: 1.5, more: 2 },
  p99: { title: "latency p99, ms", factor: 2, more: 500 },
} as const;

/** Growth of the machine's load from which on latency is not judged. */
const BUSIER = 1.3;

/** How a figure has changed. */
export interface Verdict {
  readonly title: string;
  readonly second: number;
  readonly last: number;
  /** `undefined` where it says nothing of the process. */
  readonly flat: boolean | undefined;
}

/**
 * Compares the second and the last quarter of the samples: their medians, and the latency of all that came in each, which
 * says nothing where the machine was much busier with other things in the last.
 */
export function judge(samples: readonly Sample[]): Verdict[] {
  const quarter = Math.floor(samples.length / 4);
  const read = (name: keyof typeof TOLERANCES | "load", from: number, to: number): number => {
    if (name !== "p50" && name !== "p99") return median(samples.slice(from, to).map((each) => each[name]));
    // One look has three or four faults, and so is either good or bad: only many of them tell the tail.
    const [before, after] = [samples[from - 1].latencies, samples[to - 1].latencies];
    return quantile(before, after, name === "p50" ? 0.5 : 0.99) ?? NaN;
  };
  const compare = (name: keyof typeof TOLERANCES | "load") => ({
    second: read(name, quarter, 2 * quarter),
    last: read(name, samples.length - quarter, samples.length),
  });
  const load = compare("load");
  const isBusier = load.last > load.second * BUSIER;
  const verdicts = Object.entries(TOLERANCES).map(([key, { title, factor, more }]) => {
    const name = key as keyof typeof TOLERANCES;
    const { second, last } = compare(name);
    const isTold = name !== "p50" && name !== "p99" || !isBusier;
    return { title, second, last, flat: isTold ? last <= second * factor + more : undefined };
  });
  return [...verdicts, { title: "load of machine", ...load, flat: undefined }];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
