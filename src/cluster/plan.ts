/**
 * Plans which shards an instance claims or releases next. Each instance plans for itself, from the same membership.
 *
 * All instances hold the same number of shards, plus or minus one. An instance claims free shards at once, up to its
 * part. A held shard moves only if its holder has at least two more than another instance, one shard of the cluster at
 * a time, and only after the instances have been the same for a while: an unsteady instance moves nothing.
 *
 * @module
 */
import type { Member, Membership } from "./lease.ts";

/** The next change of an instance. */
export interface Plan {
  /** Shards to claim. */
  readonly claim: readonly number[];
  /** The shard to release. */
  readonly release?: number;
}

/** Options of {@linkcode makePlan}. */
export interface PlanOptions {
  membership: Membership;
  /** Id of this instance. */
  id: string;
  /** Number of shards. */
  shards: number;
  /** Whether the instances have been the same for a while. */
  isSettled: boolean;
}

const NOTHING: Plan = { claim: [] };

/** Plans the next change of one instance. */
export function makePlan({ membership, id, shards, isSettled }: PlanOptions): Plan {
  const staying = membership.members.filter(({ isAlive, report }) => isAlive && !report.isLeaving);
  const me = staying.find((member) => member.id === id);
  if (me === undefined) return NOTHING;
  const taken = new Set(membership.members.flatMap(({ held }) => held));
  const isFree = (shard: number) => !taken.has(shard) && !membership.blocked.has(shard);
  const { fixed } = me.report;
  if (fixed !== undefined) return { claim: [fixed].filter(isFree) };

  const pinned = new Set(staying.flatMap(({ report }) => report.fixed ?? []));
  const common = Array.from({ length: shards }, (_, shard) => shard).filter((shard) => !pinned.has(shard));
  const sharing = staying.filter(({ report }) => report.fixed === undefined);
  const stray = me.held.find((shard) => pinned.has(shard));
  if (stray !== undefined) return { claim: [], release: stray };

  const free = common.filter(isFree);
  const most = Math.ceil(common.length / sharing.length);
  // Each instance begins at another place, so that two that plan at once claim different shards.
  const first = free.findIndex((shard) => shard >= sharing.indexOf(me) * most);
  const turned = first < 0 ? free : [...free.slice(first), ...free.slice(0, first)];
  const claim = turned.slice(0, Math.max(0, most - me.held.length));
  if (claim.length > 0 || !isSettled || common.some((shard) => !taken.has(shard))) return { claim };

  const by = (more: (a: Member, b: Member) => boolean) =>
    sharing.reduce((best, member) => more(member, best) ? member : best);
  const richest = by((a, b) => a.held.length > b.held.length);
  const poorest = by((a, b) => a.held.length < b.held.length);
  if (richest !== me || me.held.length - poorest.held.length < 2) return NOTHING;
  return { claim: [], release: me.held.at(-1) };
}
