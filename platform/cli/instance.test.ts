import { expect, test } from '@jest/globals';
import { Instance } from './instance.ts';

test('what an installation was told once about its log lines could be forgotten by a command that starts something again', async () => {
  const instance = await Instance.open('unit-test');
  Object.assign(instance.settings, { logsKeptDays: 90, logSnapshots: '/mnt/other' });
  expect(instance.composeCommand(['up']).environment).toMatchObject({ HOLDFAST_LOGS_KEPT_DAYS: '90', HOLDFAST_LOG_SNAPSHOTS: '/mnt/other' });
});

test('a variable of the shell could delete log lines of an installation that was told nothing', async () => {
  const { environment } = (await Instance.open('unit-test')).composeCommand(['up']);
  expect(environment).toMatchObject({ HOLDFAST_LOGS_KEPT_DAYS: '', HOLDFAST_LOG_SNAPSHOTS: '' });
});
