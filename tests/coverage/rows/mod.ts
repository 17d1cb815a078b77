/**
 * What vendors do, by the names that the rows have.
 *
 * @module
 */
import type { Row } from "../row.ts";
import { skipped } from "./h1_skipped.ts";
import { lagging } from "./h2_lagging.ts";
import { nonsense } from "./h3_nonsense.ts";
import { swallowed } from "./h4_swallowed.ts";
import { deadAmongThin } from "./h5_dead_among_thin.ts";
import { repeated } from "./h6_repeated.ts";
import { clockBehind } from "./m1_clock_behind.ts";
import { clockSetBack } from "./m2_clock_set_back.ts";
import { ahead } from "./m3_ahead.ts";
import { corrected } from "./m4_corrected.ts";
import { unconfirmed } from "./m5_unconfirmed.ts";
import { circling } from "./m6_circling.ts";
import { leftOut } from "./l1_left_out.ts";

/** See the module's description. */
export const rows: Readonly<Record<string, Row>> = {
  H1: skipped,
  H2: lagging,
  H3: nonsense,
  H4: swallowed,
  H5: deadAmongThin,
  H6: repeated,
  M1: clockBehind,
  M2: clockSetBack,
  M3: ahead,
  M4: corrected,
  M5: unconfirmed,
  M6: circling,
  L1: leftOut,
};
