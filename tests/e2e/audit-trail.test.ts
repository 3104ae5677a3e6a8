import { expect, test } from '@playwright/test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../platform/cli/run.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import { CAUGHT_UP, SIGNED } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
let directory: string;
test.beforeAll(async () => {
  platform = await Platform.attach();
  directory = mkdtempSync(join(PROJECT, '.holdfast', 'audit-trail-'));
});
test.afterAll(() => {
  platform.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Row { sequence: number; type: string; event: string }

/** Entries of a type that say this. */
async function entries(type: string, text: string): Promise<Row[]> {
  const rows = await platform.query<Row>('core', 'audit', `SELECT sequence, type, event FROM audit_log WHERE type = '${type}' ORDER BY sequence DESC LIMIT 200`);
  return rows.filter(({ event }) => event.includes(text));
}

async function verifyAsAuditor(file: string): Promise<{ exitCode: number; stdout: string }> {
  const key = (await platform.command('audit', 'key')).stdout.trim();
  return run('node', [join(PROJECT, 'platform/audit-verifier/verify-audit.mjs'), file, '--key', key]);
}

test('a sign-in that failed, a profile that somebody looked at, or what an operator did could be missing in the trail, or be there without being provable', async () => {
  const customer = await platform.newCustomer();
  const me = await customer.client.call<{ id: string }>('GET', '/v1/users/me');
  const operator = await platform.operator();
  expect((await operator.call('GET', `/v1/users/${me.body.id}`)).status).toBe(200);
  await expect(platform.visitor.signedIn(customer.email, 'not the password')).rejects.toThrow();
  expect((await platform.command('credentials', 'platform-auditor-password')).exitCode).toBe(0);

  const read = await within(CAUGHT_UP, 'the look at a profile', async () => (await entries('user.read', me.body.id))[0]);
  expect(JSON.parse(read.event)).toMatchObject({ data: { user_id: me.body.id } });
  expect((JSON.parse(read.event) as { actor: string }).actor).not.toBe(me.body.id);
  const failure = await within(CAUGHT_UP, 'the sign-in that failed', async () => (await entries('sign_in.login_error', me.body.id))[0]);
  expect(failure.event).not.toContain(customer.email);
  await within(CAUGHT_UP, 'what the operator did', async () => (await entries('operator.ended', 'credentials'))[0]);

  const file = join(directory, 'proof.ndjson');
  await within(SIGNED, 'a checkpoint that covers it', async () => ((await platform.command('audit', 'prove', String(failure.sequence), file)).exitCode === 0 ? true : undefined));
  const verified = await verifyAsAuditor(file);
  expect(verified.stdout).toContain(`intact: 1 entries (${failure.sequence} to ${failure.sequence})`);
  writeFileSync(file, readFileSync(file, 'utf8').replace('sign_in.login_error', 'sign_in.login'));
  expect((await verifyAsAuditor(file)).exitCode).toBe(1);
});

test('the trail of a platform at work could be told from its checkpoints', async () => {
  const { exitCode, stdout, stderr } = await platform.command('audit', 'verify', '--json');
  expect(exitCode, stderr + stdout).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'intact', findings: [], last_checkpoint_is_late: false });
  const file = join(directory, 'trail.ndjson.gz');
  expect((await platform.command('audit', 'export', file)).exitCode).toBe(0);
  expect((await verifyAsAuditor(file)).stdout).toContain('intact');
});

test('what a superuser changed beside the chain could pass for right', async () => {
  const superuser = async (sql: string): Promise<string> => platform.inside(await platform.leaderOf('core'), 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'audit', '-c', `SET session_replication_role = replica; ${sql}`);
  // One column that is not of the chain: it can be put back without computing anything.
  await superuser("UPDATE audit_log SET type = 'user.nothing' WHERE sequence = 3");
  try {
    const { exitCode, stdout } = await platform.command('audit', 'verify', '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'broken', findings: [{ fault: 'column_changed', where: 'entry 3' }] });
  } finally {
    await superuser("UPDATE audit_log SET type = event::json ->> 'type' WHERE sequence = 3");
  }
  expect((await platform.command('audit', 'verify')).exitCode).toBe(0);
});
