import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { KeycloakPeople } from '../keycloak-people.ts';
import { PeopleStore } from '../people.store.ts';
import { RegisterPerson } from './register-person.ts';

let postgres: ThrowawayPostgres;

beforeAll(async () => {
  postgres = await ThrowawayPostgres.start({ database: 'users', role: 'users', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)) });
}, 120_000);

afterAll(() => postgres?.stop());

test('more people at once than there are connections: all are registered, none waits for another one\'s connection', async () => {
  const open = (connectionsMax: number) => postgres.database({ database: 'users', user: 'users', connectionsMax });
  // It takes its time, as hashing a password does: meanwhile every lock that can be held is.
  const keycloak = { create: () => sleep(50, randomUUID()), giveRoles: () => sleep(10), enable: () => sleep(10) };
  const registration = new RegisterPerson(new PeopleStore(open(2), open(4), () => undefined), keycloak as unknown as KeycloakPeople);
  const people = Array.from({ length: 24 }, (_, index) => `person-${index}@example.org`);
  const registered = await Promise.all(people.map((email) =>
    registration.register({ email, password: 'correct horse battery', given_name: 'Ada', family_name: 'Lovelace' }, undefined)));
  expect(registered).toMatchObject(people.map((email) => ({ email })));
  expect(await postgres.sql('postgres', 'SELECT count(*) FROM people WHERE activated_at IS NOT NULL', 'users')).toBe('24');
}, 30_000);
