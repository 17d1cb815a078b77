/**
 * Coverage as JSON, for stores that keep text.
 *
 * @module
 */
import type { Interval } from "../records/intervals.ts";
import type { Doubt, SeriesCoverage } from "./coverage.ts";

/** Coverage of a series in JSON. `null` stands for {@linkcode Infinity}, which JSON does not have. */
export interface CoverageJson {
  readonly confirmed: readonly Interval[];
  readonly doubts: readonly (Omit<Doubt, "dueAt"> & { readonly dueAt: number | null })[];
}

/** Converts coverage, or a change of it, to JSON. */
export function toJson({ confirmed, doubts }: SeriesCoverage): CoverageJson {
  return {
    confirmed,
    doubts: doubts.map((doubt) => ({ ...doubt, dueAt: doubt.dueAt === Infinity ? null : doubt.dueAt })),
  };
}

/** Reads coverage from JSON. */
export function fromJson({ confirmed, doubts }: CoverageJson): SeriesCoverage {
  return { confirmed, doubts: doubts.map((doubt) => ({ ...doubt, dueAt: doubt.dueAt ?? Infinity })) };
}
