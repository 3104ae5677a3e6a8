import { expect, test } from '@jest/globals';
import { FINDINGS_TOLD, Protocol, verdictOf } from './checks.ts';

test('what was not looked at is not passed, and a finding outweighs it', () => {
  expect(verdictOf([])).toBe('could_not_verify');
  expect(verdictOf([{ verdict: 'passed' }, { verdict: 'could_not_verify' }])).toBe('could_not_verify');
  expect(verdictOf([{ verdict: 'could_not_verify' }, { verdict: 'failed' }])).toBe('failed');
  expect(verdictOf([{ verdict: 'passed' }])).toBe('passed');
});

test('a check that did not come to its end could not verify', () => {
  const protocol = new Protocol();
  protocol.begin('keys', 0);
  protocol.looked('keys', 0, 10);
  expect(protocol.results()).toMatchObject([{ check: 'keys', verdict: 'could_not_verify', trouble: 'it did not come to its end' }]);
  protocol.end('keys', 0);
  expect(protocol.results()).toMatchObject([{ verdict: 'passed', looked_at: 10, trouble: null }]);
  protocol.unable('keys', 0, 'shard 1 is away');
  expect(protocol.results()).toMatchObject([{ verdict: 'could_not_verify', trouble: 'shard 1 is away' }]);
});

test('all findings are counted, and the first are told', () => {
  const protocol = new Protocol();
  for (let n = 0; n < FINDINGS_TOLD + 5; n++) protocol.found('sums', null, `finding ${n}`);
  const [result] = protocol.results();
  expect(result).toMatchObject({ verdict: 'failed', findings_count: FINDINGS_TOLD + 5 });
  expect(result!.findings).toHaveLength(FINDINGS_TOLD);
});
