/**
 * The subjects of messages: `barline.TENANT.KIND.SHARD`.
 *
 * @module
 */

/** The subjects that the stream captures. */
export const STREAM_SUBJECT = "barline.>";

/** The subject of records of a kind, by the shard of their symbols. */
export function subjectOf(tenant: string, kind: string, shard: number): string {
  return `barline.${tenant}.${kind}.${shard}`;
}

/** The pattern of the subjects of all shards. */
export function subjectsOf(tenant: string, kind: string): string {
  return `barline.${tenant}.${kind}.*`;
}
