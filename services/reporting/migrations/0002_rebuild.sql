-- The read models can be built anew beside those that are read, and take their place in one moment. The service owns no table; these functions do for it
-- what only an owner can, and nothing else: schema `rebuild` is theirs alone.

-- Makes empty copies of all read models in schema `rebuild`. What an earlier attempt has left there is dropped.
CREATE FUNCTION begin_rebuild() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  original record;
  part record;
  -- Versions are parts of the keys of cached answers. Those of the new rows begin above all that the old ones can reach: microseconds since 1970.
  first_version CONSTANT bigint := extract(epoch FROM clock_timestamp()) * 1e6;
BEGIN
  DROP SCHEMA IF EXISTS rebuild CASCADE;
  CREATE SCHEMA rebuild;
  GRANT USAGE ON SCHEMA rebuild TO reporting;
  FOR original IN
    SELECT oid, relname, reloptions, relacl FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'schema_migrations'
  LOOP
    EXECUTE format('CREATE TABLE rebuild.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMMENTS)', original.relname, original.relname);
    IF original.reloptions IS NOT NULL THEN
      EXECUTE format('ALTER TABLE rebuild.%I SET (%s)', original.relname, array_to_string(original.reloptions, ', '));
    END IF;
    FOR part IN SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = original.oid AND contype IN ('p', 'u') LOOP
      EXECUTE format('ALTER TABLE rebuild.%I ADD CONSTRAINT %I %s', original.relname, part.conname, part.definition);
    END LOOP;
    FOR part IN
      SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index
       WHERE indrelid = original.oid AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    LOOP
      EXECUTE replace(part.definition, ' ON public.', ' ON rebuild.');
    END LOOP;
    FOR part IN SELECT grantee::regrole AS role, privilege_type FROM aclexplode(original.relacl) WHERE grantee::regrole <> current_user::regrole LOOP
      EXECUTE format('GRANT %s ON rebuild.%I TO %s', part.privilege_type, original.relname, part.role);
    END LOOP;
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = original.oid AND attname = 'version') THEN
      EXECUTE format('ALTER TABLE rebuild.%I ALTER version SET DEFAULT %s', original.relname, first_version);
    END IF;
  END LOOP;
END $$;

-- Puts the new read models in the place of the old ones and drops those; readers see the old until the commit, and the new after it. Nobody may apply
-- events meanwhile: the caller holds public.consumer_position in exclusive mode, and the new must not stand behind the old, or the stream would have a gap.
CREATE FUNCTION finish_rebuild() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text;
BEGIN
  -- Whoever reads for long must not hold up all the others behind this lock.
  SET LOCAL lock_timeout = '2s';
  LOCK TABLE public.consumer_position IN ACCESS EXCLUSIVE MODE;
  IF EXISTS (
    SELECT FROM public.consumer_position AS old LEFT JOIN rebuild.consumer_position AS new USING (topic, shard)
     WHERE new.epoch IS NULL OR (new.epoch, new.sequence) < (old.epoch, old.sequence))
  THEN
    RAISE EXCEPTION 'the new read models stand behind the old ones' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  CREATE SCHEMA replaced;
  FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'rebuild'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
    EXECUTE format('ALTER TABLE public.%I SET SCHEMA replaced', name);
    EXECUTE format('ALTER TABLE rebuild.%I SET SCHEMA public', name);
  END LOOP;
  DROP SCHEMA replaced CASCADE;
  DROP SCHEMA rebuild CASCADE;
END $$;

-- Leaves nothing behind of a rebuild that was given up.
CREATE FUNCTION abandon_rebuild() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ DROP SCHEMA IF EXISTS rebuild CASCADE $$;

REVOKE ALL ON FUNCTION begin_rebuild(), finish_rebuild(), abandon_rebuild() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION begin_rebuild(), finish_rebuild(), abandon_rebuild() TO reporting;
