/**
 * What every provider must do. A provider's test calls {@linkcode testProvider} and is done with the ordinary.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Provider, ProviderContext } from "../../src/providers/provider.ts";
import { type Frame, frameSize } from "../../src/records/frame.ts";
import { createReceiveClock } from "../../src/records/record.ts";
import { linesOf, recordsOf } from "../support/frames.ts";

/** A provider to look at, ready to be opened once. */
export interface Specimen extends AsyncDisposable {
  readonly provider: Provider;
}

/** How to test a provider. */
export interface ConformanceOptions {
  /** Makes a provider that gives at least three frames. */
  make: () => Promise<Specimen>;
  /** Whether it can wait: read by demand, and not a live feed that must be drained. @default {true} */
  canWait?: boolean;
}

/** What a provider is given in tests, and what it did with it. */
export interface TestContext extends ProviderContext {
  readonly stopping: AbortController;
  readonly notices: string[];
  /** Records that it asked to send. */
  readonly paced: () => number;
}

/** A context that never makes anybody wait. */
export function createContext(): TestContext {
  const stopping = new AbortController();
  const notices: string[] = [];
  let paced = 0;
  return {
    stopping,
    notices,
    paced: () => paced,
    stop: stopping.signal,
    clock: createReceiveClock(),
    pace(count) {
      paced += count;
      return Promise.resolve();
    },
    warn: (message) => void notices.push(message),
    emit: () => {},
    newest: () => Promise.resolve(new Map()),
  };
}

/** Reads all frames, and settles each where `settle` says so. */
export async function readFrames(stream: ReadableStream<Frame>, settle = false): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of stream) {
    frames.push(frame);
    if (settle) frame.ack("committed", frameSize(frame));
  }
  return frames;
}

/** Registers the tests that every provider must pass. */
export function testProvider(name: string, { make, canWait = true }: ConformanceOptions): void {
  async function open() {
    const specimen = await make();
    const context = createContext();
    return {
      context,
      reader: specimen.provider.open(context).getReader(),
      provider: specimen.provider,
      async [Symbol.asyncDispose]() {
        await specimen.provider.close?.();
        await specimen[Symbol.asyncDispose]();
      },
    };
  }

  Deno.test(`${name}: frames name the provider and hold records of its name, in order of receipt`, async () => {
    await using opened = await open();
    let last = 0;
    for (let count = 0; count < 3; count++) {
      const { value: frame } = await opened.reader.read();
      if (frame === undefined) throw new Error("Fewer than three frames came");
      assertEquals(frame.provider, opened.provider.name);
      assert(frameSize(frame) > 0);
      for (const record of recordsOf(frame)) {
        assertEquals(record.provider, opened.provider.name);
        assert(record.receivedAt > last, `received at ${record.receivedAt}, after ${last}`);
        last = record.receivedAt;
      }
      const lines = linesOf(frame);
      if (lines !== undefined) assert(lines.every((line) => line > 0));
    }
    await opened.reader.cancel();
  });

  Deno.test(`${name}: a stop closes the stream, after the frames that it holds`, async () => {
    await using opened = await open();
    await opened.reader.read();
    opened.context.stopping.abort();
    let more = 0;
    while (!(await opened.reader.read()).done) more++;
    assert(more <= 2, `${more} frames came after the stop`);
  });

  Deno.test(`${name}: a stop before the first read closes the stream`, async () => {
    await using opened = await open();
    opened.context.stopping.abort();
    let frames = 0;
    while (!(await opened.reader.read()).done) frames++;
    assert(frames <= 1, `${frames} frames came`);
  });

  Deno.test(`${name}: cancelling ends it, and the frames that it held can be closed`, async () => {
    // What is not released here is found by the sanitizers of the runner.
    await using opened = await open();
    await opened.reader.read();
    await opened.reader.cancel(new Error("enough"));
    assertEquals((await opened.reader.read()).done, true);
  });

  Deno.test(`${name}: a frame settles once, and not for more records than it has`, async () => {
    await using opened = await open();
    const { value: frame } = await opened.reader.read();
    frame!.ack("committed", 1);
    frame!.ack("committed", frameSize(frame!) - 1);
    await assertRejects(async () => await frame!.ack("committed", 1), RangeError);
    await opened.reader.cancel();
  });

  if (canWait) {
    Deno.test(`${name}: it is read by demand, at most a frame ahead`, async () => {
      await using opened = await open();
      const { value: frame } = await opened.reader.read();
      // Whatever it does on its own it would do in these turns of the event loop.
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve));
      assert(opened.context.paced() <= 2 * frameSize(frame!), `${opened.context.paced()} records are on their way`);
      await opened.reader.cancel();
    });
  }
}
