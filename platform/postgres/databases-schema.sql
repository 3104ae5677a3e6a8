-- The schema of a service's database: setup makes the objects, nobody else can.
ALTER SCHEMA public OWNER TO setup;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
