import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const services = join(import.meta.dirname, '../..');
const outbox = readFileSync(join(services, 'kit/migrations/outbox.sql'), 'utf8').replace(/^(--.*\n)+/, '').trim();

test.each(['users', 'transactions'])('the outbox of %s is the one that the relay knows', (service) => {
  const directory = join(services, service, 'migrations');
  const migrations = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
  expect(migrations.filter((migration) => migration.includes(outbox))).toHaveLength(1);
});
