/**
 * Knowledge of a TWS, from all connections and feeds: feeds of one provider come and go with their symbols, and TWS
 * continues to count.
 *
 * @module
 */
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { createFeedClock, type FeedClock } from "../live/clock.ts";
import { isSmall } from "./bars.ts";
import { type Capacity, createCapacity } from "./capacity.ts";
import { createPacing, type Pacing } from "./pacing.ts";

/** Where TWS is. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly clientId: number;
}

/** A TWS, and what Barline has of it. */
export interface Account {
  /** Where the next connection is to be tried. */
  readonly address: Address;
  readonly pacing: Pacing;
  readonly capacity: Capacity;
  readonly clock: FeedClock;
  /** Whether TWS has accepted this client before: then "in use" refers to its own last connection. */
  wasReady: boolean;
  /** A number that no request on any connection has had. */
  nextId(): number;
  /** TWS changes to that port, or does not say to which. */
  moved(port: number | undefined): void;
  /** No TWS answered at that port: the next connection is tried at the other one, where there are two. */
  unreachable(port: number): void;
}

/** Makes an account of a TWS that nothing is known of. */
export function createAccount(address: Address, timeframe: string): Account {
  const stepMs = TIMEFRAMES.get(timeframe)!;
  /** Where TWS said last that it goes, and where it was set up. */
  let ports = [address.port];
  let lastId = 0;
  return {
    get address() {
      return { ...address, port: ports[0] };
    },
    pacing: createPacing(isSmall(stepMs)),
    capacity: createCapacity(),
    clock: createFeedClock(stepMs),
    wasReady: false,
    nextId: () => ++lastId,
    moved(port = address.port) {
      ports = [...new Set([port, address.port])];
    },
    unreachable(port) {
      if (ports[0] === port) ports = [...ports.slice(1), port];
    },
  };
}
