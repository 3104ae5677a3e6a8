-- People who registered: what the platform keeps of them. Passwords and sign-in are Keycloak's; the id is Keycloak's subject id.
create table people (
  id            uuid primary key,
  email         text not null unique check (email = lower(email)),
  given_name    text not null check (given_name <> ''),
  family_name   text not null check (family_name <> ''),
  registered_at timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  -- Null from the commit of this row until Keycloak was told to let the person sign in.
  activated_at  timestamptz
);
create index people_to_activate on people (registered_at) where activated_at is null;

-- Registrations that have begun and not ended: written before Keycloak hears of the person, so that what a crash left behind there
-- can be told from an account that an administrator made.
create table registrations (
  email    text primary key check (email = lower(email)),
  begun_at timestamptz not null default now()
);

grant usage on schema public to users;
grant select, insert, update on people to users;
grant select, insert, delete on registrations to users;
