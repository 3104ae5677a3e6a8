import { describe, expect, test } from '@jest/globals';
import { millisecondsOf, parsePointName, parseTarget, placeOfLsn } from './target.ts';

describe('a target', () => {
  test.each([
    ['latest', { kind: 'latest' }],
    ['2026-01-31T09:59:00Z', { kind: 'time', at: '2026-01-31T09:59:00.000000Z' }],
    ['2026-01-31 09:59Z', { kind: 'time', at: '2026-01-31T09:59:00.000000Z' }],
    ['2026-01-31T09:59:00.123456Z', { kind: 'time', at: '2026-01-31T09:59:00.123456Z' }],
    ['2026-01-31T01:30:00.5+02:00', { kind: 'time', at: '2026-01-30T23:30:00.500000Z' }],
    ['2026-01-31T01:30:00+0200', { kind: 'time', at: '2026-01-30T23:30:00.000000Z' }],
    ['0/5a000028', { kind: 'lsn', lsn: '0/5A000028' }],
    ['before-the-migration', { kind: 'name', name: 'before-the-migration' }],
    ['friday_2', { kind: 'name', name: 'friday_2' }],
  ])('%s is understood', (said, target) => {
    expect(parseTarget(said)).toEqual(target);
  });

  test('a time without a zone would be guessed at', () => {
    expect(() => parseTarget('2026-01-31T09:59:00')).toThrow('"2026-01-31T09:59:00" has no time zone');
  });

  test.each(['2026-02-30T09:59:00Z', '2026-13-01T00:00:00Z', '2026-01-31T25:00:00Z'])('%s, which never is, would be taken for another time', (said) => {
    expect(() => parseTarget(said)).toThrow('is no time that there is');
  });

  test.each(['', 'Latest', 'yesterday noon', '0/GG', '2026-01-31', '1/2/3', '../etc', "x'; drop table", '-', 'a'.repeat(64)])('"%s" is refused, with what would be understood', (said) => {
    expect(() => parseTarget(said)).toThrow('is no point to restore to: it must be latest, a time');
  });

  test('a restore point named latest could never be restored to', () => {
    expect(() => parsePointName('latest')).toThrow('cannot name a restore point');
    expect(parsePointName('latest-but-one')).toBe('latest-but-one');
  });
});

test('places and times can be compared', () => {
  expect(placeOfLsn('1/0') > placeOfLsn('0/FFFFFFFF')).toBe(true);
  expect(placeOfLsn('0/5A000028')).toBe(0x5a000028n);
  expect(millisecondsOf('2026-01-31T09:59:00.000001Z') - Date.parse('2026-01-31T09:59:00Z')).toBeCloseTo(0.001, 3);
});
