-- What the verifier found, kept beside the ledger, so that its metrics outlive the service. One row a verification of all shards, on shard 0.
CREATE TABLE verifications (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  verdict     text NOT NULL CHECK (verdict IN ('passed', 'failed', 'could_not_verify')),
  duration_ms bigint NOT NULL CHECK (duration_ms >= 0),
  -- As services/transactions/src/verify/checks.ts has it, with the text of the first findings.
  checks      jsonb NOT NULL
);

-- The last good one is looked for by everybody who shows metrics.
CREATE INDEX verifications_by_verdict ON verifications (verdict, id);

GRANT SELECT, INSERT, DELETE ON verifications TO transactions;
