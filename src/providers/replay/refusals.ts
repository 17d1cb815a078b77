/**
 * Leaves a file when too many of its records are refused: most often it is read with the wrong settings, and its rest
 * would only become dead letters.
 *
 * @module
 */
import { withoutParticulars } from "../../dead_letters/letter.ts";
import { type Frame, frameSize } from "../../records/frame.ts";
import type { RecordKind } from "../../records/kind.ts";

/** `off`, a number of records, a share of them from 0 to 1, or one in percent, as in `20%`. */
export type RefuseLimit = number | string;

/** Records of a file that are read before a share of them counts. */
const MIN_READ = 1000;

/** Looks at a file while it is read. */
export interface RefusalWatch {
  /** Looks at the next frame, and says why the file is to be left after it. */
  look(frame: Frame): string | undefined;
  /** Why the file, now at its end, counts as failed: there are records, and none is accepted. */
  end(): string | undefined;
}

/**
 * Makes a watch. A number leaves a file whose first records, so many, are all refused for one reason; a share leaves a
 * file when a larger share of it is refused. The first records of a continued file were read before: a number does not
 * leave it.
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
      // Once one is accepted, those that are unsound matter for a share alone.
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
