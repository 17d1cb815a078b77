/**
 * Who is to hold which shard: each instance finds out by itself what it has to do, from the census that all hear alike.
 *
 * Instances hold the same number of shards, give or take one. Free shards are taken at once, up to that share. A shard
 * that is held moves only if its holder has at least two more than somebody else, one in the whole cluster at a time, and
 * only once the instances have been the same ones for a while: one that comes and goes moves nothing.
 *
 * @module
 */
import type { Census, Member } from "./lease.ts";

/** What to do next. */
export interface Plan {
  /** Shards to try to get. */
  readonly take: readonly number[];
  /** The one to let others have. */
  readonly give?: number;
}

/** What a plan is made from. */
export interface PlanOptions {
  census: Census;
  /** This instance. */
  id: string;
  /** Number of shards. */
  shards: number;
  /** Whether the instances have been the same ones for a while. */
  isSettled: boolean;
}

const NOTHING: Plan = { take: [] };

/** Makes the plan of one instance. */
export function makePlan({ census, id, shards, isSettled }: PlanOptions): Plan {
  const staying = census.members.filter(({ isAlive, report }) => isAlive && !report.isLeaving);
  const me = staying.find((member) => member.id === id);
  if (me === undefined) return NOTHING;
  const taken = new Set(census.members.flatMap(({ held }) => held));
  const isFree = (shard: number) => !taken.has(shard) && !census.blocked.has(shard);
  const { fixed } = me.report;
  if (fixed !== undefined) return { take: [fixed].filter(isFree) };

  const pinned = new Set(staying.flatMap(({ report }) => report.fixed ?? []));
  const common = Array.from({ length: shards }, (_, shard) => shard).filter((shard) => !pinned.has(shard));
  const sharing = staying.filter(({ report }) => report.fixed === undefined);
  const stray = me.held.find((shard) => pinned.has(shard));
  if (stray !== undefined) return { take: [], give: stray };

  const free = common.filter(isFree);
  const most = Math.ceil(common.length / sharing.length);
  // Each begins elsewhere, so that those who look at once are not after the same.
  const first = free.findIndex((shard) => shard >= sharing.indexOf(me) * most);
  const turned = first < 0 ? free : [...free.slice(first), ...free.slice(0, first)];
  const take = turned.slice(0, Math.max(0, most - me.held.length));
  if (take.length > 0 || !isSettled || common.some((shard) => !taken.has(shard))) return { take };

  const by = (more: (a: Member, b: Member) => boolean) =>
    sharing.reduce((best, member) => more(member, best) ? member : best);
  const richest = by((a, b) => a.held.length > b.held.length);
  const poorest = by((a, b) => a.held.length < b.held.length);
  if (richest !== me || me.held.length - poorest.held.length < 2) return NOTHING;
  return { take: [], give: me.held.at(-1) };
}
