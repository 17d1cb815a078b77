/**
 * Whether the records of a run still go where the places that are saved belong to.
 *
 * @module
 */
import { type Destination, findDifference, findLoss } from "../database/destination.ts";

/** Where the records go that positions are about. */
export interface PositionTarget {
  /** Which destination it is now, and how far it has come; absent where that cannot be known. */
  readonly destination?: () => Promise<Destination>;
  /** Warns the operator. */
  readonly warn: (message: string) => void;
}

/** Watches the destination of a run. */
export interface DestinationWatch {
  /**
   * Asks for the destination again: all that is settled by now was committed before that. Returns whether places may still be
   * saved: where the destination changes in mid-run, what was stored there may be gone.
   */
  confirm(): Promise<boolean>;
  /** The destination as it was when last asked; `undefined` where that cannot be known, or it has changed. */
  readonly current: Destination | undefined;
  /** Whether a place of this destination holds here; warns where it does not. */
  accepts(saved: Destination | undefined, name: string): boolean;
}

/** Makes a watch. */
export function createDestinationWatch(target: PositionTarget | undefined): DestinationWatch {
  let destination: Destination | "changed" | undefined;

  const current = () => destination === "changed" ? undefined : destination;

  return {
    async confirm() {
      if (target?.destination === undefined || destination === "changed") return destination !== "changed";
      const known = destination;
      // One that is away is as it was when it was last there.
      const now = await target.destination().catch(() => known);
      const difference = known && now && findDifference(known, now);
      if (difference !== undefined) {
        target.warn(`Records go to ${difference}: what was read before may be missing there, run again with --resume`);
      }
      // A load that is undone while this one is read may have held what was read before.
      destination = difference === undefined ? now && { ...now, undone: (known ?? now).undone } : "changed";
      return difference === undefined;
    },
    get current() {
      return current();
    },
    accepts(saved, name) {
      if (target?.destination === undefined || saved === undefined) return true;
      const now = current();
      const difference = now === undefined ? "a database that does not say which it is" : findLoss(saved, now);
      if (difference !== undefined) {
        target.warn(`Records go to ${difference}: what was read as "${name}" is read again`);
      }
      return difference === undefined;
    },
  };
}
