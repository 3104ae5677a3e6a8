-- What every cluster has. No role has a password: the common name of the client certificate is the role (pg_hba in patroni.yml).
-- setup owns the services' schemas and runs their migrations, which grant each service what it needs.
SELECT 'CREATE ROLE setup LOGIN CREATEROLE' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'setup') \gexec
SELECT 'CREATE ROLE "postgres-exporter" LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres-exporter') \gexec
SELECT 'CREATE ROLE rewind LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rewind') \gexec
GRANT pg_monitor TO "postgres-exporter";

-- PUBLIC may connect nowhere: a database is open to the roles that are granted CONNECT and to no other.
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
-- pg_rewind reads files through these functions (Patroni grants them); it needs the door as well.
GRANT CONNECT ON DATABASE postgres TO "postgres-exporter", rewind;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
