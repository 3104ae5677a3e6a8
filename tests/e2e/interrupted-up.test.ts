import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { HEALED } from '../kit/budgets.ts';
import { Platform } from '../kit/platform.ts';
import { run } from '../../platform/cli/run.ts';

const CLI = join(import.meta.dirname, '../../platform/cli/main.ts');

/** Where it is interrupted: amid the starts of containers, and after what setup has changed. */
const STEPS = process.env.HOLDFAST_FULL ? ['[3/9]', '[4/9]', '[5/9]', '[6/9]', '[7/9]'] : ['[4/9]', '[6/9]'];

let platform: Platform;
test.beforeAll(async () => { platform = await Platform.attach(); });
test.afterAll(() => platform.close());

test('Ctrl-C in the middle of a start could leave something that the next one stumbles over, or lose what was there', async () => {
  const customer = await platform.fundedCustomer(12_345n);
  const down = await run('node', [CLI, '--instance', platform.instance.name, 'down']);
  expect(down.exitCode, down.stderr).toBe(0);
  expect(await platform.containers()).toEqual([]);

  const interrupted = [];
  for (const step of STEPS) interrupted.push({ step, ...(await interruptedAt(step)) });
  const up = await run('node', [CLI, '--instance', platform.instance.name, 'up']);

  // After the last start: the tests that follow want the platform, whatever is found here.
  for (const { step, exitCode, stderr } of interrupted) {
    expect(exitCode, `${step}: ${stderr}`).toBe(130);
    expect(stderr, 'the step at which it was interrupted').toContain(step);
    expect(stderr, 'told to the operator').toContain('up was interrupted');
    expect(stderr).not.toContain('    at ');
  }
  expect(up.exitCode, up.stderr).toBe(0);
  await platform.healthy(HEALED);
  const account = await customer.client.must<{ balance: string }>('GET', `/v1/accounts/${customer.from}`);
  expect(account.balance).toBe('12345');
});

/** Runs `up` and presses Ctrl-C as a terminal does, on the whole group of processes, as soon as it speaks of a step. */
function interruptedAt(step: string): Promise<{ exitCode: number | null; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('node', [CLI, '--instance', platform.instance.name, 'up'], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    let pressed = false;
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += String(chunk);
      if (pressed || !stderr.includes(step)) return;
      pressed = true;
      process.kill(-child.pid!, 'SIGINT');
    });
    child.once('error', reject);
    child.once('close', (exitCode) => { resolve({ exitCode, stderr }); });
  });
}
