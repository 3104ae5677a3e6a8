import { describe, expect, test } from '@jest/globals';
import type { Restored } from '../../platform/cli/recover/woken-shard.ts';
import { auditAgreesWithLedger, auditChain, checkableSince, checked, unchangedSince, unchangedSinceTheLastProof, verdictOf, watermarkOf } from './checks.ts';
import { metricsText, type Kept, type Proof } from './result.ts';

/** Databases that answer as Postgres would: by what the statement asks of which table. */
function restored(core: (sql: string) => string, ledger: (sql: string) => string): Restored {
  return { core: { sql: (_database, sql) => Promise.resolve(core(sql)) }, ledgers: [{ sql: (_database, sql) => Promise.resolve(ledger(sql)) }] };
}

const passed = { check: 'a', verdict: 'passed', seen: '' } as const;

describe('"could not verify"', () => {
  test('it could pass', async () => {
    const blind = await checked('b', () => Promise.reject(new Error('connection refused')));
    expect(blind).toEqual({ check: 'b', verdict: 'could_not_verify', seen: 'connection refused' });
    expect(verdictOf([passed, blind])).toBe('could_not_verify');
    expect(verdictOf([])).toBe('could_not_verify');
  });
  test('it could hide what was found', () => {
    expect(verdictOf([passed, { ...passed, verdict: 'could_not_verify' }, { ...passed, verdict: 'failed' }])).toBe('failed');
    expect(verdictOf([passed, passed])).toBe('passed');
  });
});

describe('what is found wrong', () => {
  test('a broken chain, or none at all, could pass', async () => {
    expect(await auditChain(restored(() => '17|0', () => ''))).toMatchObject({ verdict: 'passed' });
    expect(await auditChain(restored(() => '17|1', () => ''))).toMatchObject({ verdict: 'failed', seen: '17 entries, 1 with a hash that does not fit' });
    expect(await auditChain(restored(() => '0|0', () => ''))).toMatchObject({ verdict: 'failed' });
  });

  test('a ledger that lacks an event that audit has, or has another in its place, could pass', async () => {
    const audit = (sql: string): string => (sql.includes('GROUP BY epoch') ? '1|40' : '40|123456');
    const asked: string[] = [];
    const ledger = (answer: string) => (sql: string) => {
      if (sql.includes('least')) return '40';
      asked.push(sql);
      return answer;
    };
    expect(await auditAgreesWithLedger(restored(audit, ledger('40|123456')))).toMatchObject({ verdict: 'passed', seen: '40 events are the same in the audit log and in their ledgers' });
    expect(asked[0]).toMatch(/epoch = 1 AND sequence <= 40/);
    expect(await auditAgreesWithLedger(restored(audit, ledger('39|123456')))).toMatchObject({ verdict: 'failed' });
    expect(await auditAgreesWithLedger(restored(audit, ledger('40|123457')))).toMatchObject({ verdict: 'failed', seen: 'shard 0, epoch 1, up to event 40: audit has 40|123456, the ledger 40|123457' });
  });

  test('what a restore has undone, and the audit log remembers, could be taken for lost', async () => {
    const asked: string[] = [];
    const audit = (sql: string): string => (sql.includes('GROUP BY epoch') ? '1|40' : (asked.push(sql), '25|1'));
    const ledger = (sql: string): string => (sql.includes('least') ? '25' : (asked.push(sql), '25|1'));
    expect(await auditAgreesWithLedger(restored(audit, ledger))).toMatchObject({ verdict: 'passed' });
    expect(asked).toHaveLength(2);
    for (const sql of asked) expect(sql).toMatch(/sequence <= 25/);
  });

  test('what a restore has undone could be held against what was written down before it', async () => {
    const of = (epoch: string, events: string): Restored => restored((sql) => (sql.includes('event_stream') ? epoch : '17|ab'), (sql) => (sql.includes('event_stream') ? epoch : events));
    const before = await watermarkOf(of('1', '40|1'), '2026-01-31 12:00:00.000000+00');
    expect(await unchangedSinceTheLastProof(of('2', '30|1'), before)).toMatchObject({ verdict: 'passed', seen: 'a restore has begun new epochs since (1 1, now 2 2): what comes next is held against what is there now' });
    expect(await unchangedSinceTheLastProof(of('1', '30|1'), before)).toMatchObject({ verdict: 'failed' });
  });

  test('what was written down before could change unseen', async () => {
    const until = '2026-01-31 12:00:00.000000+00';
    const before = await watermarkOf(restored(() => '17|ab', () => '40|1'), until);
    expect(await unchangedSince('c', restored(() => '17|ab', () => '40|1'), before)).toMatchObject({ verdict: 'passed' });
    expect(await unchangedSince('c', restored(() => '17|ab', () => '41|1'), before)).toMatchObject({ verdict: 'failed', seen: `events of shard 0 until ${until} was 40|1, and is 41|1 in this backup` });
    expect(await unchangedSince('c', restored(() => '17|cd', () => '40|1'), before)).toMatchObject({ verdict: 'failed' });
  });
});

describe('metrics', () => {
  const proof: Proof = { began_at: '2026-01-31T04:00:00.000Z', verdict: 'passed', rpo_seconds: 31.5, rto_seconds: 12, points: [], trouble: null };
  const kept: Kept = { last: proof, last_success_at: '2026-01-31T04:01:00.000Z', watermark: null };
  test('a proof that failed, or could not look, could count as one', () => {
    expect(metricsText(kept)).toContain('restore_proof_result 1\n');
    for (const verdict of ['failed', 'could_not_verify'] as const) expect(metricsText({ ...kept, last: { ...proof, verdict, rpo_seconds: null } })).toContain('restore_proof_result 0\n');
  });
  test('no proof at all could look like a missing metric, or a figure that is not known like one', () => {
    expect(metricsText({ last: null, last_success_at: null, watermark: null })).toMatch(/restore_proof_last_success_timestamp_seconds 0\n[^]*restore_proof_result 0\n$/);
    expect(metricsText({ ...kept, last: { ...proof, rpo_seconds: null, rto_seconds: null } })).not.toMatch(/rpo|rto/);
    expect(metricsText(kept)).toContain(`restore_proof_last_success_timestamp_seconds ${Date.parse('2026-01-31T04:01:00.000Z') / 1000}\n`);
  });
});

describe('the moment from which there is something to check', () => {
  const since = (schemaOfAudit: string, firstEntry: string, schemaOfLedger: string): Promise<number> =>
    checkableSince(restored((sql) => (sql.includes('schema_migrations') ? schemaOfAudit : firstEntry), () => schemaOfLedger));
  test('a new installation\'s clusters, backed up while they were empty, could be called unverifiable, and a chain without an entry broken', async () => {
    expect(await since('1000', '3000', '2000')).toBe(3000);
    expect(await since('1000', '3000', '4000')).toBe(4000);
    expect(await since('5000', '3000', '4000')).toBe(5000);
  });
  test('of an audit log without an entry it could be the beginning of time', async () => {
    expect(await since('1000', '', '2000')).toBe(Infinity);
  });
});
