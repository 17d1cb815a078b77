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
  /** Runs timers until something is done. */
  runWith(work: PromiseLike<void>): Promise<void>;
  /** Disposes of a resource while timers run: its disposal may wait for one. */
  disposing(resource: AsyncDisposable): AsyncDisposable;
}

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Takes the clocks over; `settle` waits for what else goes on after each timer. */
export function startVirtualTime(now: number, settle = () => Promise.resolve()): VirtualTime {
  const clock = FakeTimers.install({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
    now,
    shouldClearNativeTimers: true,
  });
  const began = performance.now();
  const trueNow = () => now + performance.now() - began;

  async function runWith(work: PromiseLike<void>): Promise<void> {
    let isDone = false;
    const done = Promise.resolve(work).finally(() => isDone = true);
    await turn();
    await settle();
    while (!isDone) {
      // Where no timer is left, whatever goes on is not of this process.
      if (clock.countTimers() > 0) clock.next();
      await turn();
      await settle();
    }
    await done;
  }

  return {
    now: trueNow,
    setOffset: (ms) => clock.setSystemTime(Math.round(trueNow() + ms)),
    at: (time, call) => void setTimeout(call, Math.max(0, time - trueNow())),
    sleep: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
    async runUntil(time) {
      await runWith(new Promise<void>((resolve) => void setTimeout(resolve, Math.max(0, time - trueNow()))));
    },
    runWith,
    disposing: (resource) => ({ [Symbol.asyncDispose]: () => runWith(resource[Symbol.asyncDispose]()) }),
    [Symbol.dispose]: () => clock.uninstall(),
  };
}
