import { beforeEach, expect, jest, test } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Instance } from './instance.ts';
import { exclusively } from './lock.ts';

/** Above the kernel's highest process id (proc(5), pid_max), so never a living process. */
const NOBODY = 2 ** 22 + 1;

let instance: Instance;
beforeEach(() => {
  instance = { directory: mkdtempSync(join(tmpdir(), 'holdfast-lock-')) } as Instance;
});

test('two commands could change one instance at a time', async () => {
  await exclusively(instance, 'up', async () => {
    await expect(exclusively(instance, 'down', async () => 'ran')).rejects.toThrow(`"holdfast up" is already at work on this instance (pid ${process.pid})`);
  });
});

test('a crash could lock an instance for ever', async () => {
  writeFileSync(join(instance.directory, 'lock'), `${NOBODY} 100 up\n`);
  await expect(exclusively(instance, 'up', async () => 'ran')).resolves.toBe('ran');
});

test('another program that got the process id of a crashed one could keep the lock', async () => {
  writeFileSync(join(instance.directory, 'lock'), `${process.pid} 1 up\n`);
  writeFileSync(join(instance.directory, 'settings.json'), '{}');
  await expect(exclusively(instance, 'up', async () => 'ran')).resolves.toBe('ran');
  expect(readdirSync(instance.directory)).toEqual(['settings.json']);
});

test('a failed command could keep its lock', async () => {
  await expect(exclusively(instance, 'up', async () => { throw new Error('no disk'); })).rejects.toThrow('no disk');
  expect(existsSync(join(instance.directory, 'lock'))).toBe(false);
});

test('a refused command could leave an empty installation behind', async () => {
  await expect(exclusively(instance, 'up', async () => { throw new Error('no memory'); })).rejects.toThrow('no memory');
  expect(existsSync(instance.directory)).toBe(false);
});

test('a command that is interrupted could report the end of what it had started as a defect', async () => {
  const exited = Promise.withResolvers<unknown>();
  const exit = jest.spyOn(process, 'exit').mockImplementation((code) => {
    exited.resolve(code);
    return new Promise(() => undefined) as never;
  });
  const said = jest.spyOn(console, 'error').mockReturnValue();
  const child = Promise.withResolvers<never>();
  let reported = false;
  const begun = Promise.withResolvers<void>();
  void exclusively(instance, 'up', () => {
    begun.resolve();
    return child.promise;
  }).catch(() => { reported = true; });
  try {
    await begun.promise;
    process.emit('SIGINT');
    child.reject(new Error('docker compose up exited 130'));
    expect(await exited.promise).toBe(130);
    // Another command takes longer than the report would.
    await exclusively(instance, 'down', () => Promise.resolve());
    expect(reported).toBe(false);
    expect(said.mock.calls).toEqual([['holdfast: up was interrupted.']]);
  } finally {
    exit.mockRestore();
    said.mockRestore();
  }
});
