-- Cluster core: one database a service, so that a role that leaks reaches nothing but its own. Idempotent.
\ir databases-common.sql

SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['users', 'reporting', 'audit', 'keycloak']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- Keycloak migrates its own schema and so owns its database; the schemas of our services belong to setup.
SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
FROM (VALUES ('users', 'setup'), ('reporting', 'setup'), ('audit', 'setup'), ('keycloak', 'keycloak')) AS wanted (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec

REVOKE ALL ON DATABASE users, reporting, audit, keycloak FROM PUBLIC;
GRANT CONNECT ON DATABASE users TO users;
GRANT CONNECT ON DATABASE reporting TO reporting;
GRANT CONNECT ON DATABASE audit TO audit;

\connect users
\ir databases-schema.sql
\connect reporting
\ir databases-schema.sql
\connect audit
\ir databases-schema.sql
\connect keycloak
ALTER SCHEMA public OWNER TO keycloak;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
