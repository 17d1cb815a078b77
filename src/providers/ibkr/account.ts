/**
 * State of a TWS shared by all connections and feeds: feeds come and go with their symbols, while TWS keeps counting.
 *
 * @module
 */
import { TIMEFRAMES } from "../../records/timeframe.ts";
import { createFeedClock, type FeedClock } from "../live/clock.ts";
import { isSmall } from "./bars.ts";
import { type Capacity, createCapacity } from "./capacity.ts";
import { createPacing, type Pacing } from "./pacing.ts";

/** Address of TWS. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly clientId: number;
}

/** A TWS, and the resources that Barline uses there. */
export interface Account {
  /** Address of the next connection. */
  readonly address: Address;
  readonly pacing: Pacing;
  readonly capacity: Capacity;
  readonly clock: FeedClock;
  /** Whether TWS has accepted this client before: then "in use" refers to its own last connection. */
  wasReady: boolean;
  /** A request number that no request on any connection has had. */
  nextId(): number;
  /** TWS moves to that port; `undefined` if it does not name it. */
  moved(port: number | undefined): void;
  /** TWS did not answer at the port: the next connection tries the other known port, if any. */
  unreachable(port: number): void;
}

/** Creates the account of a TWS. */
export function createAccount(address: Address, timeframe: string): Account {
  const stepMs = TIMEFRAMES.get(timeframe)!;
  /** The port that TWS last moved to, and the configured one. */
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
