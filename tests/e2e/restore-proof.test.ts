import { expect, test } from '@playwright/test';
import type { Proof } from '../../backups/proof/result.ts';
import { SCRAPED } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

const REPOSITORY = '/var/lib/pgbackrest/backup';

async function prove(): Promise<{ exitCode: number; proof: Proof }> {
  const { exitCode, stdout } = await platform.command('prove-restore', '--json');
  return { exitCode, proof: JSON.parse(stdout) as Proof };
}

test('backups that hold everything could fail the proof, or pass it without having been looked at', async () => {
  test.setTimeout(300_000);
  const { exitCode, proof } = await prove();
  expect(proof, JSON.stringify(proof)).toMatchObject({ verdict: 'passed', trouble: null });
  expect(exitCode).toBe(0);
  const [latest] = proof.points;
  expect(latest?.checks.map(({ check }) => check)).toEqual(expect.arrayContaining(['stops_at_its_moment', 'audit_chain', 'audit_agrees_with_ledger', 'ledger_verify']));
  // It saw what the tests before this one have done, and all of it.
  expect(latest?.checks.find(({ check }) => check === 'audit_agrees_with_ledger')?.seen).toMatch(/^[1-9]\d* events are the same/);
  await within(SCRAPED, 'the proof in Prometheus', async () => ((await platform.prometheus('restore_proof_result'))[0]?.value === 1 ? true : undefined));
  expect(await platform.inside('restore-proof', 'ls', '/var/lib/restore-proof')).not.toContain('work');
});

test('a backup that is not there could count as proven', async () => {
  test.setTimeout(300_000);
  await platform.inside('backup-scheduler', 'mv', `${REPOSITORY}/ledger1`, `${REPOSITORY}/ledger1.away`);
  try {
    const { exitCode, proof } = await prove();
    expect(proof.verdict).toBe('could_not_verify');
    expect(proof.trouble).toContain('the repository has no good backup of ledger1');
    expect(exitCode).toBe(3);
    await within(SCRAPED, 'status to say so', async () => ((await platform.command('status')).stdout.includes('the last one failed') ? true : undefined));
  } finally {
    await platform.inside('backup-scheduler', 'mv', `${REPOSITORY}/ledger1.away`, `${REPOSITORY}/ledger1`);
  }
  const { proof } = await prove();
  expect(proof.verdict, JSON.stringify(proof)).toBe('passed');
});
