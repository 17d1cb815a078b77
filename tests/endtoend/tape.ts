/**
 * The lines of a venue and what is sent over them: in good order, twice, out of order, not at all, or no record.
 *
 * @module
 */
import type { Print } from "./market.ts";
import type { Random } from "./random.ts";
import type { Line } from "../support/lines.ts";
import { type Inflict, sleep, type Venue } from "./venue.ts";

/** How long a line must have lived after a message for the message to have surely arrived, in milliseconds. */
const SURE_MS = 20_000;

/** See the module's description. */
export interface Tape {
  /** Sends prints over all lines. */
  play(prints: readonly Print[]): void;
  readonly faults: Readonly<Record<string, Inflict>>;
  /** Markers of the malformed messages that were sent, and whether each has surely arrived. */
  readonly malformed: ReadonlyMap<string, boolean>;
  /** The next client has subscribed. */
  subscribed(): Promise<void>;
  /** The client is being killed: what is under way may be lost. */
  doom(): void;
}

interface Wire {
  readonly line: Line;
  /** Symbols of which it no longer sends anything. */
  readonly mute: Set<string>;
  /** Something has been done to it. */
  isDoomed: boolean;
}

/** Makes the tape of a venue. */
export function createTape(venue: Venue, random: Random): Tape {
  const wires = new Set<Wire>();
  const malformed = new Map<string, boolean>();
  const waiting: (() => void)[] = [];
  let isDoubled = false;
  /** Prints that are held back, to be sent in another order. */
  let held: Print[] | undefined;

  async function accept(): Promise<never> {
    while (true) {
      wires.add({ line: await venue.line(), mute: new Set(), isDoomed: false });
      waiting.splice(0).forEach((resolve) => resolve());
    }
  }
  accept();

  function send(prints: readonly Print[]): void {
    for (const wire of wires) {
      if (!wire.line.isOpen) wires.delete(wire);
      const heard = prints.filter(({ bar }) => !wire.mute.has(bar.symbol));
      if (heard.length > 0) wire.line.send(heard);
    }
  }

  function mute(symbols: readonly string[]): void {
    for (const wire of wires) for (const symbol of symbols) wire.mute.add(symbol);
  }

  function doom(): void {
    for (const wire of wires) wire.isDoomed = true;
  }

  const faults: Record<string, Inflict> = {
    drop() {
      doom();
      venue.relay.cut();
    },
    "server restart"() {
      doom();
      for (const { line } of wires) line.close();
    },
    async "mid-frame reset"() {
      doom();
      await venue.relay.inject(venue.halfMessage);
      venue.relay.cut();
    },
    "half-open"() {
      doom();
      venue.relay.freeze();
    },
    "silent stall": () => mute(venue.symbols),
    "one symbol mute": () => mute([random.pick(venue.symbols)]),
    async duplicates(lengthMs) {
      isDoubled = true;
      await sleep(lengthMs);
      isDoubled = false;
    },
    async reordering(lengthMs) {
      for (const until = Date.now() + lengthMs; Date.now() < until;) {
        held = [];
        await sleep(10_000);
        const prints = held;
        held = undefined;
        for (const print of reorder(prints, random)) send([print]);
      }
    },
    async "malformed message"() {
      for (let count = random.whole(1, 5); count > 0; count--) {
        const marker = `malformed-${malformed.size}-`;
        const sent = [...wires].filter(({ line }) => line.isOpen);
        if (sent.length === 0) return;
        malformed.set(marker, false);
        const text = venue.malformed(marker, random);
        for (const { line } of sent) line.raw(text);
        sleep(SURE_MS).then(() => {
          if (sent.some(({ line, isDoomed }) => line.isOpen && !isDoomed)) malformed.set(marker, true);
        });
        await sleep(random.between(100, 3000));
      }
    },
  };

  return {
    play(prints) {
      if (held !== undefined) held.push(...prints);
      else for (let times = isDoubled ? 2 : 1; times > 0; times--) send(prints);
    },
    faults,
    malformed,
    subscribed: () => new Promise((resolve) => waiting.push(resolve)),
    doom,
  };
}

/** Another order, in which the prints of each bar stay in theirs: no connection turns that around. */
function reorder(prints: readonly Print[], random: Random): Print[] {
  const bars = Map.groupBy(prints, ({ bar }) => `${bar.symbol} ${bar.ts}`);
  const order = random.shuffle(prints.map(({ bar }) => `${bar.symbol} ${bar.ts}`));
  return order.map((key) => bars.get(key)!.shift()!);
}
