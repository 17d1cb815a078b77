/**
 * Health as the code sees it: asked at any time, cheap to make.
 *
 * @module
 */
import type { CircuitState } from "../events.ts";

/** Queue, lanes and circuit of one kind of records. */
export interface CoordinatorHealth {
  readonly kind: string;
  readonly workersAlive: number;
  readonly workers: number;
  readonly queue: { readonly size: number; readonly capacity: number };
  readonly circuit: CircuitState;
  /** When an open circuit lets its probe through, in epoch seconds. */
  readonly probeAt?: number;
}

/** A provider's state. */
export interface ProviderHealth {
  readonly name: string;
  readonly state: "up" | "ended" | "failed";
  readonly error?: string;
}

/** The pipeline's health. */
export interface Health {
  readonly coordinators: readonly CoordinatorHealth[];
  readonly providers: readonly ProviderHealth[];
  readonly stopping: boolean;
}
