/** Where a reader of events stands. */
export interface Standing {
  readonly reader: string;
  readonly topic: string;
  readonly shard: number;
  readonly epoch: number;
  readonly sequence: bigint;
}

/** Where a writer of events stands: the outbox of one shard. */
export interface Stream {
  readonly topic: string;
  readonly shard: number;
  readonly epoch: number;
  readonly lastSequence: bigint;
  readonly publishedSequence: bigint;
}

export const READERS: Readonly<Record<string, readonly string[]>> = { 'ledger.events': ['reporting', 'audit'], 'users.events': ['audit'] };

export const STANDINGS = `SELECT topic, shard, epoch, sequence FROM consumer_position WHERE topic IN ('ledger.events', 'users.events')`;
export const STREAM = 'SELECT shard, epoch, last_sequence, published_sequence FROM event_stream';

/** Rows of STANDINGS. */
export function standingsOf(reader: string, rows: string): Standing[] {
  return linesOf(rows).map(([topic = '', shard, epoch, sequence = '0']) => ({ reader, topic, shard: Number(shard), epoch: Number(epoch), sequence: BigInt(sequence) }));
}

/** Rows of STREAM. */
export function streamsOf(topic: string, rows: string): Stream[] {
  return linesOf(rows).map(([shard, epoch, last = '0', published = '0']) => ({ topic, shard: Number(shard), epoch: Number(epoch), lastSequence: BigInt(last), publishedSequence: BigInt(published) }));
}

/**
 * From which event on the outbox has to tell Kafka everything again, as Kafka's own data is gone: from that after which the reader that is furthest behind stands.
 * A reader of an earlier epoch, or of none, starts the current one at its beginning; what one has seen already it drops.
 */
export function publishAgainFrom(stream: Stream, standings: readonly Standing[]): bigint {
  const places = (READERS[stream.topic] ?? []).map((reader) => {
    const standing = standings.find((one) => one.reader === reader && one.topic === stream.topic && one.shard === stream.shard && one.epoch === stream.epoch);
    return standing?.sequence ?? 0n;
  });
  return [stream.publishedSequence, ...places].reduce((least, place) => (place < least ? place : least));
}

/** Readers that know of more than the ledger has: the ledger lost a tail that they have taken in. */
export function aheadOf(stream: Stream, standings: readonly Standing[]): Standing[] {
  return standings.filter((one) => one.topic === stream.topic && one.shard === stream.shard && (one.epoch > stream.epoch || (one.epoch === stream.epoch && one.sequence > stream.lastSequence)));
}

/** The audit log is copied into Elasticsearch again from its first entry. */
export const INDEX_FROM_THE_START = 'UPDATE search_index_position SET sequence = 0';

/** Takes the whole chain of the audit log again, in the database: how many entries, and how many whose hash is not that of their content or that do not name the one before. */
export const CHECK_AUDIT_CHAIN = `
  SELECT count(*), count(*) FILTER (WHERE hash IS DISTINCT FROM sha256(convert_to(
           'holdfast-audit-1' || E'\\n' || sequence || E'\\n' || encode(previous_hash, 'hex') || E'\\n' || recorded_at_ms || E'\\n' || topic || E'\\n'
           || epoch || E'\\n' || shard || E'\\n' || event_sequence || E'\\n' || event, 'UTF8'))
         OR (sequence > 0 AND previous_hash IS DISTINCT FROM hash_before) OR sequence <> place)
    FROM (SELECT *, lag(hash) OVER (ORDER BY sequence) AS hash_before, row_number() OVER (ORDER BY sequence) - 1 AS place FROM audit_log) AS log`;

function linesOf(rows: string): string[][] {
  return rows.split('\n').filter((line) => line !== '').map((line) => line.split('|'));
}
