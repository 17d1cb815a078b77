/**
 * Abandons a file if too many of its records are refused: most often it is read with the wrong settings, and the rest
 * would only become dead letters.
 *
 * @module
 */
import { withoutParticulars } from "../../dead_letters/letter.ts";
import { type Frame, frameSize } from "../../records/frame.ts";
import type { RecordKind } from "../../records/kind.ts";

/** `off`, a number of records, a share of them from 0 to 1, or one in percent, as in `20%`. */
export type RefuseLimit = number | string;

/** Records of a file to read before a share counts. */
const MIN_READ = 1000;

/** Watches the refusals of a file. */
export interface RefusalWatch {
  /** Checks the next frame; returns the reason to abandon the file after it. */
  look(frame: Frame): string | undefined;
  /** Why the file counts as failed at its end: it has records, and none is accepted. */
  end(): string | undefined;
}

/**
 * Creates a watch. A number abandons a file if that many records at its beginning are all refused for one reason; a
 * share abandons it if a larger share is refused. The first records of a continued file were read before, so a number
 * does not apply.
 */
export function createRefusalWatch(limit: RefuseLimit, kind: RecordKind, isContinued = false): RefusalWatch {
  const { share, ...limits } = readLimit(limit);
  const count = isContinued ? Infinity : limits.count;
  const which = isContinued ? "the" : "its first";
  let read = 0;
  let refused = 0;
  let first: { reason: string; example: string } | undefined;
  let isOneReason = true;

  function refuse(reason: string, source: string | undefined, line: number | undefined): void {
    refused++;
    const shared = withoutParticulars(reason);
    first ??= { reason: shared, example: `${reason.slice(shared.length + 2)} in ${source}:${line}`.trim() };
    isOneReason &&= shared === first.reason;
  }

  const why = () => `${first!.reason}, as ${first!.example}`;
  const shown = (value: number) => value.toLocaleString("en-US");

  return {
    look(frame) {
      read += frameSize(frame);
      for (const { reason, line } of frame.rejected) refuse(reason, frame.source, line);
      // Once a record is accepted, unsound ones count for a share alone.
      const { columns } = frame;
      if (share < 1 || refused === read - columns.count) {
        for (const [at, reason] of kind.findUnsound(columns, Date.now())) {
          refuse(reason, frame.source, columns.lines?.[at]);
        }
      }
      if (refused === read && isOneReason && read >= count) {
        return `its first ${shown(read)} records are all refused, and the rest is left there: ${why()}`;
      }
      if (read >= MIN_READ && refused > share * read) {
        const percent = Math.floor(refused / read * 100);
        return `${percent} % of ${which} ${shown(read)} records${
          isContinued ? " read now" : ""
        } are refused, and the rest is left there: first ${why()}`;
      }
    },
    end() {
      if (read === 0 || refused < read) return undefined;
      return `none of its ${shown(read)} records is accepted: ${isOneReason ? "" : "first "}${why()}`;
    },
  };
}

function readLimit(limit: RefuseLimit): { count: number; share: number } {
  if (limit === "off") return { count: Infinity, share: 1 };
  const share = typeof limit === "string" ? parseFloat(limit) / 100 : limit;
  return share < 1 || typeof limit === "string" ? { count: Infinity, share } : { count: limit as number, share: 1 };
}
