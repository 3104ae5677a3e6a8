import { expect, test } from '@playwright/test';
import { CAUGHT_UP } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { SteadyTransfers } from '../kit/steady-transfers.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

interface Verification { verdict: string; checks: { check: string; verdict: string; findings: string[]; trouble: string | null }[] }
interface Rebuilt { accounts: number; agreed: number; differences_count: number; differences: { id: string }[]; events: number; events_of_the_journal: number }

/** A command of the CLI, as an operator would give it; its JSON, whatever its exit status. */
async function holdfast<T>(...args: string[]): Promise<{ exitCode: number; result: T; said: string }> {
  const { exitCode, stdout, stderr } = await platform.command(...args, '--json');
  return { exitCode, result: (stdout.trim() === '' ? undefined : JSON.parse(stdout)) as T, said: stderr };
}

/** As the local superuser of a leader, past every trigger. */
const corrupt = async (cluster: 'core' | 'ledger0' | 'ledger1', database: string, sql: string): Promise<void> => {
  await platform.inside(await platform.leaderOf(cluster), 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', database, '-c', `SET session_replication_role = replica; ${sql}`);
};

test('the ledger could be wrong, or called wrong, while transfers go on', async () => {
  const customer = await platform.fundedCustomer(10_000n);
  const transfers = new SteadyTransfers(customer.client, customer.from, customer.to, 20);
  const { exitCode, result, said } = await holdfast<Verification>('ledger', 'verify');
  const told = await transfers.stop();
  expect(result?.checks.filter(({ verdict }) => verdict !== 'passed'), said).toEqual([]);
  expect(exitCode, said).toBe(0);
  expect(told.filter(({ status }) => status !== 201)).toEqual([]);
});

test('a balance that somebody changed behind the triggers could pass for right', async () => {
  const customer = await platform.fundedCustomer(1_000n);
  const cluster = await shardOf(customer.from);
  await corrupt(cluster, 'ledger', `UPDATE accounts SET balance_minor = balance_minor + 1 WHERE id = '${customer.from}'`);
  try {
    const { exitCode, result, said } = await holdfast<Verification>('ledger', 'verify');
    expect(exitCode, said).toBe(1);
    expect(result.verdict).toBe('failed');
    expect(result.checks.filter(({ verdict }) => verdict === 'failed').map(({ check }) => check)).toEqual(expect.arrayContaining(['account_heads', 'sums']));
    expect(result.checks.flatMap(({ findings }) => findings).join('\n')).toContain(customer.from);
    await within(CAUGHT_UP, 'the alert in Prometheus', async () => ((await platform.prometheus('ALERTS{alertname="LedgerFindings", alertstate="firing"}')).length > 0 ? true : undefined));
  } finally {
    await corrupt(cluster, 'ledger', `UPDATE accounts SET balance_minor = balance_minor - 1 WHERE id = '${customer.from}'`);
  }
  const { exitCode } = await holdfast<Verification>('ledger', 'verify');
  expect(exitCode).toBe(0);
});

test('a shard that cannot be looked at could pass for right', async () => {
  await platform.stop('pg-router');
  try {
    const { exitCode, said } = await holdfast<Verification>('ledger', 'verify');
    expect(exitCode, said).toBe(3);
  } finally {
    await platform.start('pg-router');
    await platform.healthy(CAUGHT_UP);
  }
});

test('read models that lost rows could stay so, or a rebuild lose what happens meanwhile', async () => {
  const customer = await platform.fundedCustomer(10_000n);
  const transfers = new SteadyTransfers(customer.client, customer.from, customer.to, 20);
  await within(CAUGHT_UP, 'the transfers in the report', async () => (Number(await reported(customer)) > 3 ? true : undefined));

  const sound = await holdfast<Rebuilt>('rebuild', 'reporting');
  expect(sound.exitCode, sound.said).toBe(0);
  expect(sound.result).toMatchObject({ differences_count: 0, differences: [] });
  expect(sound.result.agreed).toBeGreaterThan(0);

  await corrupt('core', 'reporting', `DELETE FROM statement_lines WHERE account_id = '${customer.to}' AND entry_version <= 3; DELETE FROM account_balances WHERE account_id = '${customer.from}'`);
  const healed = await holdfast<Rebuilt>('rebuild', 'reporting');
  const told = await transfers.stop();
  expect(healed.exitCode, healed.said).toBe(0);
  expect(healed.result.differences_count).toBeGreaterThanOrEqual(3);
  expect(healed.result.differences.map(({ id }) => id).join(' ')).toContain(customer.to);

  expect(told.filter(({ status }) => status !== 201)).toEqual([]);
  await within(CAUGHT_UP, 'the report to show every transfer', async () => ((await reported(customer)) === String(told.length) ? true : undefined));
  expect(await numbersOnStatement(customer)).toEqual(Array.from({ length: told.length }, (_, n) => String(told.length - n)));
  expect(await platform.query('core', 'reporting', `SELECT nspname FROM pg_namespace WHERE nspname IN ('rebuild', 'replaced')`)).toEqual([]);
});

async function reported(customer: { client: { must: Platform['visitor']['must'] }; to: string }): Promise<string | undefined> {
  const report = await customer.client.must<{ balances: { account_id: string; balance: string }[] }>('GET', '/v1/reports/balances');
  return report.balances.find((row) => row.account_id === customer.to)?.balance;
}

/** All lines of the account's statement, page by page. */
async function numbersOnStatement(customer: { client: { must: Platform['visitor']['must'] }; to: string }): Promise<string[]> {
  const numbers: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { lines: { number: string }[]; next_cursor: string | null } = await customer.client.must('GET', `/v1/reports/accounts/${customer.to}/statement?limit=500${cursor && `&cursor=${cursor}`}`);
    numbers.push(...page.lines.map(({ number }) => number));
    cursor = page.next_cursor;
  }
  return numbers;
}

async function shardOf(account: string): Promise<'ledger0' | 'ledger1'> {
  const here = await platform.query('ledger0', 'ledger', `SELECT id FROM accounts WHERE id = '${account}'`);
  return here.length > 0 ? 'ledger0' : 'ledger1';
}
