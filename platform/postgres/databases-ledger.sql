-- A ledger shard: one database, one service. Idempotent.
\ir databases-common.sql

SELECT 'CREATE ROLE transactions LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'transactions') \gexec
SELECT 'CREATE DATABASE ledger OWNER setup' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'ledger') \gexec

REVOKE ALL ON DATABASE ledger FROM PUBLIC;
GRANT CONNECT ON DATABASE ledger TO transactions;

\connect ledger
\ir databases-schema.sql
