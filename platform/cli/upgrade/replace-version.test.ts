import { expect, test } from '@jest/globals';
import { reasonIn } from './replace-version.ts';

test('of the log of many setups, the reason of the last one is told', () => {
  const log = `postgres: 3 migrations applied (0.4 s)
setup stopped at postgres: migration users/0003_a.sql failed on core and was rolled back: of old
postgres: waiting (the database is starting up)
setup stopped at postgres: migration transactions/0011_b.sql failed on ledger1 and was rolled back: division by zero (SQLSTATE 22012)
`;
  expect(reasonIn(log)).toBe('migration transactions/0011_b.sql failed on ledger1 and was rolled back: division by zero (SQLSTATE 22012)');
});

test('a job that said nothing has a reason, too', () => {
  expect(reasonIn('')).toBe('its setup job did not start');
});
