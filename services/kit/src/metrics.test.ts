import { expect, test } from '@jest/globals';
import { anonymousBytes } from './metrics.ts';

test('the file of the program could be counted as memory that a limit holds', () => {
  expect(anonymousBytes('Name:\tnode\nVmRSS:\t  167620 kB\nRssAnon:\t   95796 kB\nRssFile:\t   71824 kB\nRssShmem:\t      4 kB\n')).toBe(95_800 * 1024);
  expect(() => anonymousBytes('VmRSS:\t  167620 kB\n')).toThrow('RssAnon');
});
