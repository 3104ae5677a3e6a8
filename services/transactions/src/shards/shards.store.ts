import type { ShardMapRow } from './shard-map.ts';
import type { Shard } from './shard.ts';

/** The whole shard map as one shard has it. */
export function readShardMap(shard: Shard): Promise<ShardMapRow[]> {
  return shard.read('SELECT bucket, shard, version, former_shards FROM shard_map', [], 'read_shard_map');
}

/** Which shard a database says it is. */
export async function readShardNumber(shard: Shard): Promise<number | undefined> {
  const [row] = await shard.read<{ shard: number }>('SELECT shard FROM event_stream', [], 'read_shard_number');
  return row?.shard;
}

/** Whether the database that answers is a leader; pg-router asks the same of Patroni, but a switch takes it a moment to see. */
export async function isLeader(shard: Shard): Promise<boolean> {
  const [row] = await shard.read<{ leader: boolean }>('SELECT NOT pg_is_in_recovery() AS leader', [], 'is_leader');
  return row?.leader === true;
}

/** Events that wait to be published, and for how long the oldest has. */
export async function readOutboxBacklog(shard: Shard): Promise<{ events: bigint; oldest_s: number }> {
  const [row] = await shard.read<{ events: bigint; oldest_s: number }>(
    `SELECT count(*) AS events, coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0)::float8 AS oldest_s
       FROM (SELECT occurred_at FROM outbox WHERE sequence IS NULL
              UNION ALL
             SELECT occurred_at FROM outbox JOIN event_stream USING (epoch) WHERE sequence > published_sequence) AS waiting`,
    [], 'read_outbox_backlog');
  return row ?? { events: 0n, oldest_s: 0 };
}

export interface ShardDescription {
  readonly buckets: number;
  readonly version: bigint;
  readonly accounts: bigint;
  /** Balances of the accounts in transit, by currency: over all shards they sum to what is on its way. */
  readonly in_transit: Readonly<Record<string, string>>;
  readonly under_way: bigint;
  /** By its own map. Buckets that it has left and that nobody has taken yet are counted by nobody. */
  readonly is_leader: boolean;
}

export async function describeShard(shard: Shard): Promise<ShardDescription> {
  const [row] = await shard.read<ShardDescription>(
    `SELECT (SELECT count(*)::int FROM shard_map, event_stream WHERE shard_map.shard = event_stream.shard) AS buckets,
            (SELECT max(version) FROM shard_map) AS version,
            (SELECT count(*) FROM accounts WHERE kind = 'customer') AS accounts,
            (SELECT coalesce(jsonb_object_agg(currency, balance_minor::text), '{}') FROM accounts WHERE kind = 'system' AND owner = 'system:in-transit') AS in_transit,
            (SELECT count(*) FROM outgoing_transfers WHERE state = 'sent') AS under_way,
            NOT pg_is_in_recovery() AS is_leader`, [], 'describe_shard');
  if (!row) throw new Error(`shard ${shard.number} tells nothing of itself`);
  return row;
}
