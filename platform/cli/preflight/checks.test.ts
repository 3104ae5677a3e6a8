import { expect, test } from '@jest/globals';
import { memory } from './checks.ts';

const GIB = 1024 ** 3;
const meminfo = (availableGib: number): string => `MemTotal:       16000000 kB\nMemAvailable:   ${availableGib * 1024 ** 2} kB\n`;

test('a machine that is too small could find out by being killed for its memory', () => {
  expect(memory(4 * GIB, meminfo(3.5), false)).toMatchObject({ verdict: 'error', message: expect.stringContaining('needs a machine of 8 GiB') });
});

test('a machine whose memory others use could start half of the platform', () => {
  const finding = memory(16 * GIB, meminfo(4), false);
  expect(finding).toMatchObject({ verdict: 'error', message: expect.stringContaining('4.0 GiB free of 16.0') });
  expect(finding.mend.join()).toContain('ps aux');
});

test('a running platform could be refused for the memory that it uses itself', () => {
  expect(memory(16 * GIB, meminfo(4), true).verdict).toBe('ok');
});
