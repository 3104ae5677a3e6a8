import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { run, type Outcome } from '../../platform/cli/run.ts';
import type { Undertaking } from '../../platform/cli/restore/undertaking.ts';
import { HEALED, HEALED_AT_WORK } from '../kit/budgets.ts';
import { Platform, type Person } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

const CLI = join(import.meta.dirname, '../../platform/cli/main.ts');
/** Where a restore of all clusters is killed, each by what it says of itself, and resumed; in every run it is killed once, and given up. */
const KILLED_IN = process.env.HOLDFAST_FULL ? ['% of backup', 'stopping services', 'stopping the nodes that lead', 'services and nodes are stopped', 'copies for the replicas', 'the restored in its place', 'takes the lead', 'starting the services', 'building the read models anew'] : [];

let platform: Platform;
let customer: Person & { from: string; to: string };

test.beforeAll(async () => {
  platform = await Platform.attach();
  customer = await platform.fundedCustomer(1_000n);
});
test.afterAll(() => platform.close());

async function balance(): Promise<string> {
  return (await customer.client.must<{ balance: string }>('GET', `/v1/accounts/${customer.from}`)).balance;
}

function refused(outcome: Outcome, says: string, next: string): void {
  expect(outcome.exitCode, outcome.stdout).not.toBe(0);
  expect(outcome.stderr).toContain(says);
  expect(outcome.stderr).toContain(next);
  expect(outcome.stderr).not.toContain('    at ');
}

const undertakings = async (): Promise<Undertaking[]> => (JSON.parse((await platform.command('restore', '--list', '--json')).stdout) as { restores: Undertaking[] }).restores;

for (const [what, words, says, next] of [
  ['before the first backup', ['--to', '2001-01-01T00:00:00Z'], 'is before the end of the first backup of core that is kept', 'The earliest possible:  --to '],
  ['in the future', ['--to', '2101-01-01T00:00:00Z'], 'is in the future', 'The end of what there is:  --to latest'],
  ['that nobody has marked', ['--to', 'nobody-marked-this'], 'there is no restore point "nobody-marked-this" of core', './holdfast restore-point NAME'],
  ['beyond the WAL', ['--to', 'FFFFFF/0', '--cluster', 'core'], 'is beyond the WAL of core that was archived', '--to latest'],
  ['of one shard alone', ['--to', '2101-01-01T00:00:00Z', '--cluster', 'ledger0'], 'ledger0 alone cannot go back', '--cluster ledger0 --cluster ledger1'],
] as const) {
  test(`a point ${what} could be restored to something else`, async () => {
    refused(await platform.command('restore', ...words, '--yes', '--reason', 'a test'), says, next);
    expect((await undertakings()).filter(({ finished_at }) => finished_at === undefined)).toEqual([]);
  });
}

test('a restore could begin without anybody having said so, or why', async () => {
  const point = new Date().toISOString();
  refused(await platform.command('restore', '--to', point, '--yes'), 'why? The audit trail keeps the reason', '--reason');
  refused(await platform.command('restore', '--to', point, '--reason', 'a test'), 'this cannot ask here', '--yes');
  refused(await platform.command('recover', '--kit', '/dev/null', '--repository', '/tmp'), 'there is an instance', 'a kit is put over none');
  expect(await balance()).toBe('1000');
});

test('a wrong key could be taken for damage, or for an empty repository', async () => {
  const file = join(platform.instance.directory, 'secrets/pgbackrest/pgbackrest.d/repositories.conf');
  const right = readFileSync(file, 'utf8');
  try {
    writeFileSync(file, right.replace(/^repo1-cipher-pass=.*$/m, 'repo1-cipher-pass=another'));
    refused(await platform.command('restore', '--to', new Date().toISOString(), '--yes', '--reason', 'a test'), 'its key is not the one that it was written with', 'the recovery kit has the right one');
  } finally {
    writeFileSync(file, right);
  }
});

test('a repository that is away could be taken for one without backups', async () => {
  await platform.stop('pgbackrest');
  try {
    refused(await platform.command('restore', '--to', new Date().toISOString(), '--yes', '--reason', 'a test'), 'the backup repository does not answer', './holdfast restart pgbackrest');
  } finally {
    expect((await platform.command('restart', 'pgbackrest')).exitCode).toBe(0);
  }
});

test('kill -9 in the middle of a restore, and a second one beside it, could leave half a database', async () => {
  test.setTimeout(240_000);
  const restoring = start('restore', '--to', new Date().toISOString(), '--cluster', 'core', '--yes', '--reason', 'a test');
  await restoring.says('[1/', 'backup');
  refused(await platform.command('restore', '--to', 'latest', '--yes', '--reason', 'another test'), '"holdfast restore" is already at work on this instance', `kill ${restoring.child.pid}`);
  // Nobody is served by then, and of what was served nothing is changed.
  await restoring.says('services and nodes are stopped');
  await restoring.kill();

  refused(await platform.command('up'), 'was interrupted', './holdfast restore --resume');
  refused(await platform.command('restart', 'core-a'), 'was interrupted', './holdfast restore --undo');
  refused(await platform.command('restore', '--to', 'latest', '--yes', '--reason', 'another test'), 'was interrupted', './holdfast restore --resume');
  const undo = await platform.command('restore', '--undo');
  expect(undo.exitCode, undo.stderr).toBe(0);
  expect(undo.stderr).toContain('Everything is as it was before.');
  await platform.healthy(HEALED);
  expect(await balance()).toBe('1000');
  expect((await undertakings()).at(-1)).toMatchObject({ old_data: 'back in use', finished_at: expect.any(String) });
  refused(await platform.command('restore', '--resume'), 'no restore was interrupted', './holdfast restore --list');
  expect((await run('docker', ['ps', '--all', '--quiet', '--filter', `name=^${platform.instance.name}-restore-(core|ledger)`])).stdout, 'something is left at work').toBe('');
});

for (const step of KILLED_IN) {
  test(`kill -9 of a restore amid "${step}" could be the end of it, or of the data`, async () => {
    test.setTimeout(900_000);
    const before = await balance();
    const point = new Date().toISOString();
    const later = await (await platform.operator()).deposit(customer.from, 77n).then(balance);
    expect(later).not.toBe(before);
    const restoring = start('restore', '--to', point, '--yes', '--reason', 'a test');
    await restoring.says(step);
    await restoring.kill();
    refused(await platform.command('up'), 'was interrupted', './holdfast restore --resume');
    const resumed = await platform.command('restore', '--resume');
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(resumed.stdout).toContain('  1 transfers that had been accepted are no longer there');
    await platform.healthy(HEALED);
    await within(HEALED, 'the customer to get in', async () => { customer = { ...customer, client: await platform.visitor.signedIn(customer.email, customer.password) }; return true; });
    expect(await balance()).toBe(before);
    const verified = await platform.command('ledger', 'verify');
    expect(verified.exitCode, verified.stdout).toBe(0);
    expect((await platform.command('restore', '--forget-old', '--yes')).exitCode).toBe(0);
  });
}

/** A command that goes on beside the test, until it is killed as by a machine that loses its power: nothing of it gets to tidy up. */
function start(...words: string[]): { child: ChildProcess; says: (...parts: string[]) => Promise<void>; kill: () => Promise<void> } {
  const child = spawn('node', ['--disable-warning=ExperimentalWarning', CLI, '--instance', platform.instance.name, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const ended = once(child, 'close');
  child.stderr.on('data', (chunk: Buffer) => { said += String(chunk); });
  return {
    child,
    says: async (...parts) => {
      await within(HEALED_AT_WORK, `${words[0]} to say ${parts.join('')}`, () => {
        if (said.split('\n').some((line) => parts.every((part) => line.includes(part)))) return Promise.resolve(true);
        return child.exitCode === null ? Promise.resolve(undefined) : Promise.reject(new Error(`it ended: ${said.slice(-1_000)}`));
      });
    },
    kill: async () => { child.kill('SIGKILL'); await ended; },
  };
}
