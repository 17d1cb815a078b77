/**
 * Finds how to read a file's times, and the questions about them that only the user can answer.
 *
 * @module
 */
import { TIMEFRAMES } from "../records/timeframe.ts";
import type { Dialect, FileTimeUnit, Stamp } from "./dialect.ts";
import { unitOf } from "./epoch.ts";
import { guessTime, type TimeGuess } from "./guess_time.ts";
import { createFormatReader } from "./time_format.ts";
import type { Question } from "./plan.ts";

/** How to read times. */
export interface TimeFindings {
  readonly unit: FileTimeUnit;
  readonly format?: string;
  readonly stamp?: Stamp;
  readonly questions: readonly Question[];
}

/** Facts about the times of a file. */
export interface TimeFacts {
  dialect: Dialect;
  hasPreset: boolean;
  /** Times of the sample, and times of day if they have their own column. */
  texts: readonly string[];
  clocks?: readonly string[];
  /** Absent if each row names it, or it is unknown. */
  timeframe?: string;
  /** Whether the end of a bar that a time stands for does not matter. */
  isStampKnown: boolean;
}

const DAY_MS = 86_400_000;

/** Finds how to read the times. */
export function findTimes({ dialect, hasPreset, texts, clocks, timeframe, isStampKnown }: TimeFacts): TimeFindings {
  const { timeFormat, timeUnit, timeZone } = dialect;
  const questions: Question[] = [];
  const isDaily = timeframe !== undefined && (TIMEFRAMES.get(timeframe) ?? 0) >= DAY_MS;
  const isGiven = timeFormat !== undefined || timeUnit !== undefined && timeUnit !== "iso";
  const guess: TimeGuess = texts.length === 0 ? { is: "unknown" } : guessTime(texts, clocks);
  if (!isGiven && texts.length > 0 && !(hasPreset && guess.is === "iso")) questions.push(...askFormat(guess, texts));
  const wrong = timeUnit === undefined ? undefined : wrongUnit(timeUnit, texts);
  if (wrong !== undefined) questions.push(wrong);

  const { hasClock, hasOffset } = lookAt(guess, texts, clocks !== undefined, isGiven ? dialect : {});
  if (!hasOffset && hasClock && !isDaily && timeZone === undefined) {
    questions.push({ missing: "Times have no zone", answer: "--time-zone America/New_York" });
  }
  const isIntraday = !isDaily && (hasClock || hasOffset);
  if (isIntraday && !isStampKnown && dialect.stamp === undefined) {
    questions.push({
      missing: "Times may be the start or the end of their bars",
      answer: "--stamp start or --stamp end",
    });
  }
  return {
    unit: timeUnit ?? "iso",
    format: timeFormat ?? (!isGiven && guess.is === "format" ? guess.format : undefined),
    stamp: dialect.stamp ?? (isIntraday ? undefined : "start"),
    questions,
  };
}

/** Whether times have a time of day, and whether all of them say their zone. */
function lookAt(
  guess: TimeGuess,
  texts: readonly string[],
  isSplit: boolean,
  { timeFormat, timeUnit }: Dialect,
): { hasClock: boolean; hasOffset: boolean } {
  if (timeFormat !== undefined) {
    const reader = createFormatReader(isSplit ? timeFormat.split(/\[?[ ,]/, 1)[0] : timeFormat);
    const read = texts.map((text) => {
      const bytes = encoder.encode(text);
      reader.read(bytes, 0, bytes.length);
      return { hasClock: reader.hasClock, hasOffset: !Number.isNaN(reader.offsetMs) };
    });
    const isEmpty = read.length === 0;
    return {
      hasClock: isSplit || (isEmpty ? /%[HI]/.test(timeFormat) : read.some(({ hasClock }) => hasClock)),
      hasOffset: isEmpty ? timeFormat.includes("%z") : read.every(({ hasOffset }) => hasOffset),
    };
  }
  if (timeUnit === "ms-of-day") return { hasClock: true, hasOffset: false };
  if (guess.is === "iso" || guess.is === "format") {
    return { hasClock: isSplit || guess.hasClock, hasOffset: guess.is === "iso" && guess.hasOffset };
  }
  const isEpoch = timeUnit !== undefined || guess.is === "epoch";
  return { hasClock: isEpoch, hasOffset: isEpoch };
}

const encoder = new TextEncoder();

function askFormat(guess: TimeGuess, texts: readonly string[]): Question[] {
  const like = JSON.stringify(texts[0].slice(0, 40));
  switch (guess.is) {
    case "iso":
    case "format":
      return [];
    case "epoch":
      return [{ missing: `Times are numbers like ${texts[0]}`, answer: `--time-unit ${guess.unit}` }];
    case "ambiguous":
      return [{
        missing: `Times like ${like} may have the day or the month first`,
        answer: guess.formats.map((format) => `--time-format '${format}'`).join(" or "),
      }];
    case "unknown":
      return [{ missing: `Times like ${like} are of no known format`, answer: "--time-format '%d.%m.%Y %H:%M'" }];
  }
}

/** A question for times that all have another unit than the given one. */
function wrongUnit(unit: FileTimeUnit, texts: readonly string[]): Question | undefined {
  if (!["s", "ms", "us", "ns"].includes(unit) || texts.length === 0) return undefined;
  const units = new Set(texts.map((text) => /^\d+(\.\d*)?$/.test(text) ? unitOf(Number(text)) : undefined));
  const [found] = units;
  if (units.size !== 1 || found === undefined || found === unit) return undefined;
  return {
    missing: `Times like ${texts[0]} are a number of ${found} and not of ${unit}`,
    answer: `--time-unit ${found}`,
  };
}
