/** Instances that share shards. @module */
import type { Names } from "../names.ts";

export const cluster = ({ of }: Names): string =>
  `-- Instances that share out shards. Who holds what is decided by advisory locks; this says who they are, and until when one
-- that is gone may still believe to hold something. A row is written each second: room for it on its own page.
CREATE TABLE ${of("cluster_instance")} (
  id uuid PRIMARY KEY,
  cluster text NOT NULL,
  backend integer NOT NULL,
  joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL,
  held integer[] NOT NULL DEFAULT '{}',
  report jsonb NOT NULL
) WITH (fillfactor = 20);

COMMENT ON TABLE ${of("cluster_instance")} IS 'Instances that share out shards, see them with barline cluster status.';
COMMENT ON COLUMN ${of("cluster_instance")}.backend IS 'Process of the session that holds its locks.';
COMMENT ON COLUMN ${of("cluster_instance")}.seen_at IS 'When it last told that it lives.';
COMMENT ON COLUMN ${of("cluster_instance")}.held IS 'Shards that it streamed then.';

-- Up to where each symbol is complete: who takes a shard over asks history from there on. The newest bar of the table does
-- not tell: behind it may lie a hole that somebody was filling.
CREATE TABLE ${of("cluster_frontier")} (
  complete_until timestamptz NOT NULL,
  cluster text NOT NULL,
  source text NOT NULL,
  symbol text NOT NULL,
  PRIMARY KEY (cluster, source, symbol)
) WITH (fillfactor = 50);

COMMENT ON TABLE ${of("cluster_frontier")} IS 'Up to where instances that share out shards have all bars of a symbol.';
COMMENT ON COLUMN ${of("cluster_frontier")}.complete_until IS 'Start of the first bar that may be missing.';
COMMENT ON COLUMN ${of("cluster_frontier")}.source IS 'Provider, or failover group, and timeframe.'`;
