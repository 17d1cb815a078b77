/**
 * The loads whose records this process writes, with the claims for their rows.
 *
 * A record belongs to the load that has reserved its time of receipt. Before its row is written, its series and time
 * are claimed in the database, so that the rows of a load can be found even after a crash.
 *
 * @module
 */
import type { Client } from "pg";
import type { Names } from "./names.ts";

/** Times of receipt, in epoch microseconds; `to` is exclusive. */
export type Times = readonly [from: number, to: number];

/** Times that a load has reserved, in epoch microseconds; `to` is exclusive. */
export interface Reservation {
  readonly load: number;
  readonly from: number;
  readonly to: number;
}

/** The first and last time of a series' records, in epoch milliseconds. */
export interface SeriesSpan {
  readonly seriesId: number;
  readonly first: number;
  readonly last: number;
}

/** See the module's description. */
export interface LoadBook {
  /** Adds times that a load has reserved. */
  reserved(load: number, times: Times): void;
  /** The ids of all loads. */
  ids(): readonly number[];
  /** Removes a load that the database no longer has. */
  forget(load: number): void;
  /** Removes all claims, since the database has other series. */
  forgetClaims(): void;
  /** The reservation that a record with that time of receipt belongs to. */
  reservationAt(receivedAt: number): Reservation | undefined;
  /** The times of a load, as a multirange of PostgreSQL. */
  timesOf(load: number): string;
  /** Writes the claims for records of a kind that are about to be written, by the load that they belong to. */
  claim(client: Client, names: Names, kind: string, spans: ReadonlyMap<number, readonly SeriesSpan[]>): Promise<void>;
  /** Replaces the claims of a load, which reach ahead, by the times of its records. */
  settle(client: Client, names: Names, load: number): Promise<void>;
}

/** The times of the records of a series, and the claimed times; both are empty at first. */
interface Claim {
  readonly kind: string;
  readonly seriesId: number;
  first: number;
  last: number;
  claimedFrom: number;
  claimedTo: number;
}

/** A claim to write to the database. */
interface NewClaim {
  readonly claim: Claim;
  readonly from: number;
  readonly to: number;
}

interface KnownLoad {
  /** In order; adjoining ranges are merged. */
  times: Times[];
  /** By kind and series. */
  readonly claims: Map<string, Map<number, Claim>>;
}

/**
 * A growing series is claimed ahead by its length so far, and at least by this, in milliseconds, so that few claims are
 * written.
 */
const AHEAD_MS = 24 * 60 * 60_000;

/** Creates an empty book. */
export function createLoadBook(): LoadBook {
  const loads = new Map<number, KnownLoad>();

  return {
    reserved(load, [from, to]) {
      let known = loads.get(load);
      if (known === undefined) loads.set(load, known = { times: [], claims: new Map() });
      const last = known.times.at(-1);
      if (last?.[1] === from) known.times = [...known.times.slice(0, -1), [last[0], to]];
      else known.times = [...known.times, [from, to]];
    },
    ids: () => [...loads.keys()],
    forget: (load) => void loads.delete(load),
    forgetClaims() {
      for (const known of loads.values()) for (const claim of claimsOf(known)) Object.assign(claim, UNCLAIMED);
    },
    reservationAt(receivedAt) {
      for (const [load, { times }] of loads) {
        for (const [from, to] of times) if (receivedAt >= from && receivedAt < to) return { load, from, to };
      }
    },
    timesOf: (load) => `{${(loads.get(load)?.times ?? []).map(rangeOf).join(",")}}`,
    async claim(client, names, kind, spans) {
      for (const [load, ofSeries] of spans) {
        const known = loads.get(load);
        if (known === undefined) continue;
        let claims = known.claims.get(kind);
        if (claims === undefined) known.claims.set(kind, claims = new Map());
        const wider: NewClaim[] = [];
        for (const span of ofSeries) {
          const claim = widen(claims, kind, span);
          if (claim !== undefined) wider.push(claim);
        }
        if (wider.length === 0) continue;
        await client.query(claimStatement(names), [load, kind, ...columnsOf(wider)]);
        for (const { claim, from, to } of wider) {
          claim.claimedFrom = Math.min(claim.claimedFrom, from);
          claim.claimedTo = Math.max(claim.claimedTo, to);
        }
      }
    },
    async settle(client, names, load) {
      const claims = claimsOf(loads.get(load));
      const exact = claims.map((claim) => ({ claim, from: claim.first, to: claim.last }));
      await client.query(settleStatement(names), [load, claims.map(({ kind }) => kind), ...columnsOf(exact)]);
    },
  };
}

const UNCLAIMED = { claimedFrom: Infinity, claimedTo: -Infinity };

const claimsOf = (known: KnownLoad | undefined): Claim[] =>
  [...known?.claims.values() ?? []].flatMap((ofKind) => [...ofKind.values()]);

/** Adds a span; returns the claim that it needs, `undefined` if the present one covers it. */
function widen(
  claims: Map<number, Claim>,
  kind: string,
  { seriesId, first, last }: SeriesSpan,
): NewClaim | undefined {
  let claim = claims.get(seriesId);
  if (claim === undefined) claims.set(seriesId, claim = { kind, seriesId, first, last, ...UNCLAIMED });
  claim.first = Math.min(claim.first, first);
  claim.last = Math.max(claim.last, last);
  if (claim.first >= claim.claimedFrom && claim.last <= claim.claimedTo) return undefined;
  const ahead = Math.max(AHEAD_MS, claim.last - claim.first);
  return { claim, from: claim.first - ahead, to: claim.last + ahead };
}

/** Times as a range of PostgreSQL. */
export function rangeOf([from, to]: Times): string {
  return `["${timeOf(from)}","${timeOf(to)}")`;
}

/** Epoch microseconds as ISO 8601. */
function timeOf(micros: number): string {
  const ms = Math.floor(micros / 1000);
  return new Date(ms).toISOString().replace("Z", `${String(micros - ms * 1000).padStart(3, "0")}Z`);
}

const columnsOf = (claims: readonly NewClaim[]) => [
  claims.map(({ claim: { seriesId } }) => seriesId),
  claims.map(({ from }) => Math.round(from * 1000)),
  claims.map(({ to }) => Math.round(to * 1000)),
];

/** SQL for a time, before its epoch microseconds. */
const EPOCH = "timestamptz 'epoch' + interval '1 microsecond' *";

const claimStatement = ({ of }: Names) =>
  `INSERT INTO ${of("load_series")} AS s (load_id, kind, series_id, first, last)
SELECT $1, $2, new.id, ${EPOCH} new.first, ${EPOCH} new.last
FROM unnest($3::int4[], $4::float8[], $5::float8[]) AS new (id, first, last) ORDER BY new.id
ON CONFLICT (load_id, series_id, kind) DO UPDATE
SET first = least(s.first, excluded.first), last = greatest(s.last, excluded.last)`;

const settleStatement = ({ of }: Names) =>
  `UPDATE ${of("load_series")} AS s SET first = ${EPOCH} new.first, last = ${EPOCH} new.last
FROM unnest($2::text[], $3::int4[], $4::float8[], $5::float8[]) AS new (kind, id, first, last)
WHERE s.load_id = $1 AND s.kind = new.kind AND s.series_id = new.id`;
