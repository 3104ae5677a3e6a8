import { describe, expect, test } from '@jest/globals';
import { stanzaOf, type Backup, type Stanza } from './repository.ts';
import { refuseShort, startingPointOf, type PastRestore, type RestorePoint } from './starting-point.ts';
import { parseTarget } from './target.ts';

const second = (clock: string): number => Date.parse(`2026-01-31T${clock}Z`) / 1_000;
const ms = (clock: string): number => second(clock) * 1_000;
const backup = (label: string, from: string, to: string, lsn: string): Backup => ({
  label, type: 'full', error: false, timestamp: { start: second(from), stop: second(to) }, lsn: { start: lsn, stop: lsn }, archive: { start: '', stop: '' }, info: { size: 1 },
});
const stanza: Stanza = {
  name: 'ledger0', status: { code: 0, message: 'ok' }, archive: [{ min: '000000010000000000000001', max: '000000010000000000000009' }],
  backup: [backup('night', '02:00:00', '02:05:00', '0/2000100'), backup('morning', '08:00:00', '08:05:00', '0/5000100'), backup('noon', '12:00:00', '12:05:00', '0/8000100')],
};
const points: RestorePoint[] = [{ name: 'friday', at: '2026-01-31T10:00:00.000Z', lsn: { ledger0: '0/6000000' }, by: 'test' }];
const decide = (said: string, { restores = [] as PastRestore[], of = stanza } = {}) => startingPointOf(of, parseTarget(said), { points, restores, now_ms: ms('13:00:00') });
const chosen = (...args: Parameters<typeof decide>) => { const { backup: { label }, timeline } = decide(...args); return [label, timeline]; };

describe('the backup to begin with', () => {
  test.each([
    ['latest', 'noon'], ['2026-01-31T12:30:00Z', 'noon'], ['2026-01-31T12:04:00Z', 'morning'], ['2026-01-31T08:05:01Z', 'morning'], ['2026-01-31T08:05:00Z', 'night'],
    ['friday', 'morning'], ['0/5000100', 'morning'], ['0/50000FF', 'night'], ['0/9000000', 'noon'],
  ])('of %s is %s: the last that ended before it', (said, label) => {
    expect(chosen(said)).toEqual([label, 'latest']);
  });

  test('is none that failed', () => {
    const of = { ...stanza, backup: stanza.backup.map((one) => ({ ...one, error: one.label === 'noon' })) };
    expect(chosen('latest', { of })).toEqual(['morning', 'latest']);
  });
});

describe('after a restore at 12:30 to 11:00', () => {
  const restores = [{ cluster: 'ledger0', at_ms: ms('12:30:00'), point_ms: ms('11:00:00'), ended_timeline: 1 }];
  test('what came after it does not begin with a backup of what it has undone', () => {
    expect(chosen('2026-01-31T12:45:00Z', { restores })).toEqual(['morning', 'latest']);
    expect(chosen('latest', { restores })).toEqual(['morning', 'latest']);
    expect(chosen('0/8500000', { restores })).toEqual(['morning', 'latest']);
  });

  test('a time before it means what people saw then', () => {
    expect(chosen('2026-01-31T12:10:00Z', { restores })).toEqual(['noon', 1]);
    expect(chosen('2026-01-31T10:00:00Z', { restores })).toEqual(['morning', 1]);
  });

  test('that of another cluster changes nothing', () => {
    expect(chosen('latest', { restores: restores.map((one) => ({ ...one, cluster: 'core' })) })).toEqual(['noon', 'latest']);
  });
});

describe('what is not possible is refused, with what is', () => {
  const nextOf = (said: string, given?: Parameters<typeof decide>[1]): string => {
    try {
      decide(said, given);
    } catch (error) {
      return [(error as Error).message, ...(error as { next: string[] }).next].join('\n');
    }
    return 'not refused';
  };

  test.each([
    ['2026-01-31T02:05:00Z', 'The earliest possible:  --to 2026-01-31T02:05:01.000Z'],
    ['2026-01-31T13:00:00.001Z', 'is in the future'],
    ['0/2000000', 'The earliest possible:  --to 0/2000100'],
    ['0/A000000', 'ends at 0/A000000'],
    ['thursday', 'There are:  friday (2026-01-31T10:00:00.000Z)'],
  ])('%s: %s', (said, answer) => {
    expect(nextOf(said)).toContain(answer);
    expect(nextOf(said)).toContain('Nothing was changed.');
  });

  test('without a backup nothing is, whatever the target', () => {
    for (const said of ['latest', '2026-01-31T12:00:00Z', '0/5000100', 'friday']) expect(nextOf(said, { of: { ...stanza, backup: [] } })).toContain('there is no good backup of ledger0');
  });
});

describe('the repository', () => {
  const told = (code: number, message: string) => JSON.stringify([{ name: 'ledger0', status: { code, message }, backup: [], archive: [] }]);
  test('with a wrong key is not called damaged, wherever pgBackRest says so, with its line breaks as they are', () => {
    const printed = String.raw`[{"name":"ledger0","status":{"code":99,"message":"other"},"repo":[{"key":1,"status":{"code":99,"message":"[CryptoError] unable to load info file\nHINT: is or was the repo encrypted?"}}],"backup":[],"archive":[]}]`;
    expect(() => stanzaOf('ledger0', printed.replace(String.raw`\n`, '\n'))).toThrow('its key is not the one that it was written with');
  });
  test('that a wrong key turned into a text that makes no sense is not called damaged alone', () => {
    expect(() => stanzaOf('ledger0', told(99, "[FormatError] unable to load info file '/repo/backup/ledger0/backup.info': key/value found outside of section at line 1"))).toThrow('its key is not the one that it was written with');
  });
  test('that cannot be read, or has nothing of the cluster, is refused', () => {
    expect(() => stanzaOf('ledger0', told(99, '[FileReadError] input/output error'))).toThrow('cannot be read ([FileReadError] input/output error)');
    expect(() => stanzaOf('ledger0', told(1, 'missing stanza path'))).toThrow('has nothing of ledger0 (missing stanza path)');
    expect(() => stanzaOf('core', told(0, 'ok'))).toThrow('has nothing of core');
    expect(stanzaOf('ledger0', told(2, 'no valid backups')).backup).toEqual([]);
  });
});

describe('a recovery to the end of the archive', () => {
  const of = { name: 'ledger0', archive: [{ min: '000000010000000000000001', max: '000000020000000000000009' }] };
  test.each([
    ['within the last segment', 2, '0/9000028'], ['at its very beginning', 2, '0/9000000'], ['at its very end', 2, '0/A000000'], ['on a timeline of which no segment was archived yet', 3, '0/8000000'],
  ])('that ends %s has come to its end', (_, from_timeline, lsn) => {
    expect(() => refuseShort(of, { from_timeline, lsn })).not.toThrow();
  });
  test.each([
    ['a segment too early, as a file of WAL is missing', 2, '0/8FFFFFF'], ['on the timeline before, as the repository went away', 1, '0/9000028'],
  ])('that ends %s could be served as if it were all', (_, from_timeline, lsn) => {
    expect(() => refuseShort(of, { from_timeline, lsn })).toThrow('the archive goes on to 000000020000000000000009');
  });
  test('of which nothing was archived is all there is', () => {
    expect(() => refuseShort({ name: 'ledger0', archive: [] }, { from_timeline: 1, lsn: '0/1' })).not.toThrow();
  });
});
