/**
 * Virtual time: timers, `Date` and `performance` run as fast as the code under test allows.
 *
 * All of a run happens in this process and in memory, so that one turn of the event loop after each timer lets everything
 * go on that waited for it. The wall clock (`Date`) can be set apart from the true time, which the vendor keeps.
 *
 * @module
 */
import FakeTimers from "@sinonjs/fake-timers";
import { setImmediate } from "node:timers";

/** See the module's description. */
export interface VirtualTime extends Disposable {
  /** The true time, in epoch ms: the vendor's. */
  now(): number;
  /** Sets the wall clock so many milliseconds ahead of the true time; negative is behind. */
  setOffset(ms: number): void;
  /** Calls at a true time, or at once where that is over. */
  at(time: number, call: () => void): void;
  /** Waits that long. */
  sleep(ms: number): Promise<void>;
  /** Runs timers until the true time is reached. */
  runUntil(time: number): Promise<void>;
}

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Takes the clocks over. */
export function startVirtualTime(now: number): VirtualTime {
  const clock = FakeTimers.install({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
    now,
  });
  const began = performance.now();
  const trueNow = () => now + performance.now() - began;
  return {
    now: trueNow,
    setOffset: (ms) => clock.setSystemTime(Math.round(trueNow() + ms)),
    at: (time, call) => void setTimeout(call, Math.max(0, time - trueNow())),
    sleep: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
    async runUntil(time) {
      let isReached = false;
      setTimeout(() => isReached = true, Math.max(0, time - trueNow()));
      await turn();
      while (!isReached) {
        clock.next();
        await turn();
      }
    },
    [Symbol.dispose]: () => clock.uninstall(),
  };
}
