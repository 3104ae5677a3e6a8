/** The database of a cluster that tells events, if one does. */
export function databaseWithEvents(cluster: string): string {
  return cluster === 'core' ? 'users' : 'ledger';
}

export function isLedger(cluster: string): boolean {
  return cluster.startsWith('ledger');
}

/**
 * Begins a new epoch of the events in a database that was restored, before anybody can write to it: the first event of the epoch says who restored it, why, to
 * where, and up to which number the events of the epoch before still hold. Readers go on from there, and pass over whatever else they were told in older epochs.
 *
 * The number of the epoch is that of Postgres's timeline: no two restores from one repository ever get the same, whatever else was lost. What was numbered, and of
 * which nobody knows whether it left, is numbered once more, in the new epoch. Done twice for one restore, it changes nothing the second time.
 *
 * psql variables: restore_id, timeline, and the texts cluster, restored_to, last_transaction_at (may be empty), lsn, by, reason.
 */
export const BEGIN_EPOCH = `
BEGIN;
SELECT pg_advisory_xact_lock(4706001);
CREATE TEMP TABLE is_new ON COMMIT DROP AS
  SELECT FROM event_stream WHERE NOT EXISTS (SELECT FROM outbox WHERE type = 'stream.restored' AND data->>'restore_id' = :'restore_id');
UPDATE outbox SET epoch = NULL, sequence = NULL FROM event_stream WHERE outbox.sequence > published_sequence AND EXISTS (SELECT FROM is_new);
INSERT INTO outbox (type, actor, epoch, sequence, data)
SELECT 'stream.restored', :'by', greatest(epoch + 1, :timeline), published_sequence + 1, jsonb_build_object(
         'restore_id', :'restore_id', 'cluster', :'cluster', 'previous_epoch', epoch, 'stands_until', published_sequence::text,
         'restored_to', :'restored_to', 'last_transaction_at', nullif(:'last_transaction_at', ''), 'lsn', :'lsn', 'by', :'by', 'reason', :'reason')
  FROM event_stream WHERE EXISTS (SELECT FROM is_new);
UPDATE event_stream SET epoch = greatest(epoch + 1, :timeline), last_sequence = published_sequence + 1 WHERE EXISTS (SELECT FROM is_new);
SELECT outbox.epoch, data->>'stands_until' FROM outbox WHERE type = 'stream.restored' AND data->>'restore_id' = :'restore_id';
COMMIT;
`;
