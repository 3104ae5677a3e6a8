-- Which ledger cluster holds which of the 1,024 buckets. Every ledger database carries the whole map, so that the service
-- can read it from any shard that is up; the highest version wins. Half and half to begin with.

CREATE TABLE shard_map (
  bucket  int PRIMARY KEY CHECK (bucket BETWEEN 0 AND 1023),
  shard   int NOT NULL CHECK (shard >= 0),
  version bigint NOT NULL DEFAULT 1,
  -- Where the bucket was before, oldest first: there lie the entries of those days.
  former_shards int[] NOT NULL DEFAULT '{}'
);

INSERT INTO shard_map (bucket, shard) SELECT bucket, bucket / 512 FROM generate_series(0, 1023) AS bucket;

GRANT SELECT ON shard_map TO transactions;
