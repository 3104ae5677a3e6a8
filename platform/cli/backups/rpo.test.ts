import { expect, test } from '@jest/globals';
import { rpo_seconds } from './rpo.ts';

const waiting = { segments: 0, sinceArchived_seconds: 7200, archiveTimeout_seconds: 30 };

for (const [what, sinceNewest, leader, expected] of [
  ['an idle cluster, nothing of which waits', 7200, waiting, 30],
  ['a busy one', 4, { ...waiting, sinceArchived_seconds: 4 }, 4],
  ['finished segments wait', 600, { ...waiting, segments: 3, sinceArchived_seconds: 590 }, 600],
  ['the leader believes in what the repository does not have', 600, { ...waiting, segments: 1, sinceArchived_seconds: 5 }, 600],
  ['nobody leads', 600, undefined, 600],
  ['no WAL ever came', undefined, waiting, undefined],
] as const) {
  test(`what would be lost could be understated: ${what}`, () => expect(rpo_seconds(sinceNewest, leader)).toBe(expected));
}
