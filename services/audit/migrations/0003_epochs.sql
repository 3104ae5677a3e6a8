-- After a restore the events of a shard go on in a new epoch (services/kit/src/events.ts). When it began is known from its first event on, as the text of that
-- event: events of the epochs before that are older than it were told, and are passed over when the stream is read again.
ALTER TABLE consumer_position ADD COLUMN epoch_began text;
