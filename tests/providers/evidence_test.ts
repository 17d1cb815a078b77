import { assertEquals } from "@std/assert";
import { type Answer, judgeAnswer, QUIET_MS } from "../../src/providers/live/coverage/evidence.ts";

const MINUTE = 60_000;
const minutes = (...all: number[]) => all.map((minute) => minute * MINUTE);
const range = (from: number, to: number): [number, number] => [from * MINUTE, to * MINUTE];

function judge(
  { doubts, known, asked, starts, askedAt = 100 }: {
    doubts: [number, number][];
    known: number[];
    asked: [number, number];
    starts: number[];
    askedAt?: number;
  },
) {
  const answer: Answer = { asked: range(...asked), starts: minutes(...starts), askedAt: askedAt * MINUTE };
  const question = { doubts: doubts.map((each) => range(...each)), known: minutes(...known), stepMs: MINUTE };
  const { settled, lacking } = judgeAnswer(question, answer);
  return {
    settled: settled.map(([from, to]) => [from / MINUTE, to / MINUTE]),
    lacking: lacking.map((start) => start / MINUTE),
  };
}

Deno.test("an answer with the bars on both sides settles a hole, whether it fills it or not", () => {
  const hole = { doubts: [[97, 98]] as [number, number][], known: [96, 98], asked: [96, 99] as [number, number] };
  assertEquals(judge({ ...hole, starts: [96, 97, 98] }), { settled: [[97, 98]], lacking: [] });
  assertEquals(judge({ ...hole, starts: [96, 98] }), { settled: [[97, 98]], lacking: [] });
});

Deno.test("an answer without the bar after a hole settles nothing: history lags", () => {
  const hole = { doubts: [[97, 98]] as [number, number][], known: [96, 98], asked: [96, 99] as [number, number] };
  assertEquals(judge({ ...hole, starts: [96] }), { settled: [], lacking: [] });
  assertEquals(judge({ ...hole, starts: [] }), { settled: [], lacking: [] });
});

Deno.test("an answer settles a doubt up to the end of its newest bar", () => {
  assertEquals(judge({ doubts: [[90, 100]], known: [89], asked: [89, 100], starts: [89, 93] }), {
    settled: [[90, 94]],
    lacking: [],
  });
});

Deno.test("an answer that lacks a bar that is known settles nothing", () => {
  assertEquals(judge({ doubts: [[91, 95]], known: [90, 95], asked: [90, 96], starts: [92, 95] }), {
    settled: [],
    lacking: [90],
  });
});

Deno.test("an empty answer about an old range contradicts the bars that are known", () => {
  assertEquals(judge({ doubts: [[11, 20]], known: [10], asked: [10, 20], starts: [] }), { settled: [], lacking: [10] });
});

Deno.test("a range without a later bar is settled once it is an hour old", () => {
  const tail = { doubts: [[91, 95]] as [number, number][], known: [90], asked: [90, 95] as [number, number] };
  assertEquals(judge({ ...tail, starts: [90], askedAt: 95 + 59 }), { settled: [[91, 94]], lacking: [] });
  assertEquals(judge({ ...tail, starts: [90], askedAt: 95 + QUIET_MS / MINUTE }), { settled: [[91, 95]], lacking: [] });
});

Deno.test("a live bar that history does not have yet keeps the range before it in doubt, however old", () => {
  const hole = { doubts: [[97, 98]] as [number, number][], known: [96, 98], asked: [96, 99] as [number, number] };
  assertEquals(judge({ ...hole, starts: [96], askedAt: 98 + 60 }), { settled: [], lacking: [] });
  assertEquals(judge({ ...hole, starts: [96], askedAt: 99 + 60 }), { settled: [], lacking: [98] });
});
