-- The hash-chained log of every event, append-only for everybody, and chained by constraints: an entry whose hash is not that
-- of its content, or that does not name the hash of the one before it, cannot be written at all.

CREATE TABLE audit_log (
  -- Gapless, as entry n must name the hash of entry n-1.
  sequence          bigint PRIMARY KEY CHECK (sequence >= 0),
  previous_sequence bigint GENERATED ALWAYS AS (nullif(sequence, 0) - 1) STORED,
  previous_hash     bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
  hash              bytea NOT NULL,
  -- Milliseconds since 1970 by the clock of the leader; of what is hashed, as a time that can be changed unseen proves nothing.
  recorded_at_ms    bigint NOT NULL,
  topic             text NOT NULL CHECK (topic !~ '\n'),
  epoch             int NOT NULL,
  shard             int NOT NULL,
  event_sequence    bigint NOT NULL,
  -- The event to the byte as it was consumed; the columns after it only make it searchable.
  event             text NOT NULL,
  event_id          uuid NOT NULL,
  occurred_at       timestamptz NOT NULL,
  type              text NOT NULL,
  trace_id          text,

  -- The canonical form of src/log/chain.ts. A tool without any of our code can compute it, too.
  CONSTRAINT hash_of_content CHECK (hash = sha256(convert_to(
    'holdfast-audit-1' || E'\n' || sequence || E'\n' || encode(previous_hash, 'hex') || E'\n' || recorded_at_ms || E'\n' || topic || E'\n'
    || epoch || E'\n' || shard || E'\n' || event_sequence || E'\n' || event, 'UTF8'))),
  UNIQUE (sequence, hash),
  CONSTRAINT chained FOREIGN KEY (previous_sequence, previous_hash) REFERENCES audit_log (sequence, hash),
  CONSTRAINT event_once UNIQUE (topic, epoch, shard, event_sequence)
);

CREATE INDEX audit_log_by_trace ON audit_log (trace_id, sequence) WHERE trace_id IS NOT NULL;
CREATE INDEX audit_log_by_type ON audit_log (type, sequence);
CREATE INDEX audit_log_by_event ON audit_log (event_id);

-- Entry 0, so that the first event has something to be chained to. The same in every installation.
INSERT INTO audit_log (sequence, previous_hash, hash, recorded_at_ms, topic, epoch, shard, event_sequence, event, event_id, occurred_at, type)
SELECT 0, decode(repeat('00', 32), 'hex'),
       sha256(convert_to('holdfast-audit-1' || E'\n' || 0 || E'\n' || repeat('00', 32) || E'\n' || 0 || E'\n' || 'genesis' || E'\n'
         || 0 || E'\n' || 0 || E'\n' || 0 || E'\n' || '{}', 'UTF8')),
       0, 'genesis', 0, 0, 0, '{}', '00000000-0000-0000-0000-000000000000', '1970-01-01T00:00:00Z', 'genesis';

-- The grants below say the same; this also stops the owner of the schema, who has every right.
CREATE FUNCTION refuse_rewriting_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_the_log();

-- How far each shard of each topic has been taken in, moved in the transaction that appends.
CREATE TABLE consumer_position (
  topic    text NOT NULL,
  shard    int NOT NULL,
  epoch    int NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (topic, shard)
);

-- How far the log has been copied into Elasticsearch. One row.
CREATE TABLE search_index_position (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  sequence bigint NOT NULL DEFAULT 0
);
INSERT INTO search_index_position DEFAULT VALUES;

-- What was taken from sources that tell their events again and know no sequence: each once. Forgotten when the source can no longer tell it.
CREATE TABLE taken_in (
  source         text NOT NULL,
  id             text NOT NULL,
  occurred_at_ms bigint NOT NULL,
  PRIMARY KEY (source, id)
);

-- How far a source has been read, in its own measure: a time, or a place in a file.
CREATE TABLE source_position (
  source   text PRIMARY KEY,
  position bigint NOT NULL
);

-- Hashes of whole subtrees of 256 entries, so that a proof need not read the whole log. Nothing rests on them: a proof that they spoil is refused by its verifier.
CREATE TABLE tree_block (
  block bigint PRIMARY KEY CHECK (block >= 0),
  hash  bytea NOT NULL CHECK (octet_length(hash) = 32)
);

GRANT USAGE ON SCHEMA public TO audit;
GRANT SELECT, INSERT ON audit_log TO audit;
GRANT SELECT, INSERT, UPDATE ON consumer_position TO audit;
GRANT SELECT, UPDATE ON search_index_position TO audit;
GRANT SELECT, INSERT, DELETE ON taken_in TO audit;
GRANT SELECT, INSERT, UPDATE ON source_position, tree_block TO audit;
