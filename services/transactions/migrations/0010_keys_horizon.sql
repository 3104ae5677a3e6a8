-- Up to when idempotency keys have been forgotten, by the clock that wrote them. Kept, so that a clock which jumps makes no key old, even over a restart
-- (src/transfers/keys-horizon.ts). It begins where nothing can be old yet.
CREATE TABLE keys_horizon (
  only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  forgotten_until timestamptz NOT NULL
);
INSERT INTO keys_horizon (forgotten_until) VALUES (clock_timestamp() - interval '33 days');

GRANT SELECT, UPDATE (forgotten_until) ON keys_horizon TO transactions;
