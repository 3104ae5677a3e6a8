import { expect, test } from '@jest/globals';
import { endOfSegment_bytes, readInfo } from './repository-info.ts';

/** As pgBackRest 2.55 printed it, of a cluster with a place in the second repository and no backup there, while one was being taken. */
const INFO = JSON.stringify([{
  archive: [{ database: { id: 1, 'repo-key': 1 }, id: '17-1', max: '000000010000000000000007', min: '000000010000000000000001' }, { database: { id: 1, 'repo-key': 2 }, id: '17-1', max: null, min: null }],
  backup: [{
    archive: { start: '000000010000000000000007', stop: '000000010000000000000008' }, backrest: { format: 5, version: '2.55.1' }, database: { id: 1, 'repo-key': 1 }, error: false,
    info: { delta: 53_983_109, repository: { delta: 6_916_776, 'delta-map': 57_096, 'size-map': 57_096 }, size: 53_983_109 }, label: '20261123-191947F_20261123-201500I',
    lsn: { start: '0/7000028', stop: '0/7000120' }, prior: '20261123-191947F', reference: ['20261123-191947F'], timestamp: { start: 1_795_461_587, stop: 1_795_461_598 }, type: 'incr',
  }],
  cipher: 'aes-256-cbc', db: [{ id: 1, 'repo-key': 1, 'system-id': 1, version: '17' }], name: 'core',
  repo: [{ cipher: 'aes-256-cbc', key: 1, status: { code: 0, message: 'ok' } }, { cipher: 'aes-256-cbc', key: 2, status: { code: 2, message: 'no valid backups' } }],
  status: { code: 4, lock: { backup: { held: true, 'size-cplt': 20, size: 60 } }, message: 'mixed' },
}, { archive: [], backup: [], name: 'ledger0', repo: [{ key: 1, status: { code: 1, message: 'missing stanza path' } }, { key: 2, status: { code: 99, message: 'other' } }], status: { code: 1 } }]);

test('a backup, what it stands on, or what is being taken could be read wrongly', () => {
  const info = readInfo(INFO);
  expect(info.backups).toEqual([{
    cluster: 'core', repository: 1, label: '20261123-191947F_20261123-201500I', type: 'incremental', startedAt: new Date(1_795_461_587_000), endedAt: new Date(1_795_461_598_000),
    size_bytes: 53_983_109, stored_bytes: 6_916_776, walFrom: '000000010000000000000007', walTo: '000000010000000000000008', standsOn: ['20261123-191947F'], pageErrors: false,
  }]);
  expect(info.archives).toEqual([{ cluster: 'core', repository: 1, id: '17-1', oldest: '000000010000000000000001', newest: '000000010000000000000007' }]);
  expect(info.running).toEqual({ core: { done_bytes: 20, of_bytes: 60 } });
});

test('a repository that is away could be taken for one that wants to be made anew', () => {
  expect([...readInfo(INFO).known].toSorted()).toEqual(['1 core', '2 core', '2 ledger0']);
});

test('the end of a segment would not be where Patroni counts to', () => {
  expect(endOfSegment_bytes('000000010000000000000000')).toBe(16 * 1024 ** 2);
  expect(endOfSegment_bytes('0000000200000000000000FF')).toBe(0x1_0000_0000);
  expect(endOfSegment_bytes('000000020000000300000001')).toBe(3 * 0x1_0000_0000 + 2 * 16 * 1024 ** 2);
});
