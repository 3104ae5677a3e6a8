import { expect, test } from '@jest/globals';
import { outcomesOfJest, outcomesOfPlaywright, outcomesOfVerdicts } from './test-reports.ts';

test('the end of a run could count a failure and not name it', () => {
  const report = { numPassedTests: 1, testResults: [{ name: 'a.test.ts', status: 'failed', message: 'all of it', assertionResults: [{ fullName: 'holds', status: 'passed' }, { fullName: 'breaks', status: 'failed', failureMessages: ['\u001b[31mExpected 1\u001b[39m'] }] }] };
  expect(outcomesOfJest(JSON.stringify(report))).toEqual({ passed: 1, failures: [{ name: 'a.test.ts: breaks', why: 'Expected 1' }] });
});

test('a file that cannot be loaded could pass, as none of its tests failed', () => {
  const report = { numPassedTests: 0, testResults: [{ name: 'a.test.ts', status: 'failed', message: 'Cannot find module', assertionResults: [] }] };
  expect(outcomesOfJest(JSON.stringify(report)).failures).toEqual([{ name: 'a.test.ts', why: 'Cannot find module' }]);
});

test('an end-to-end test that failed, passed at its second try, or broke before any could be left out', () => {
  const spec = (title: string, status: string, message: string): object => ({ title, file: 'a.test.ts', tests: [{ status, results: [{ errors: message ? [{ message }] : [] }] }] });
  const report = { stats: { expected: 1 }, errors: [{ message: 'no config' }], suites: [{ title: 'a', specs: [spec('one', 'expected', '')], suites: [{ title: 'b', specs: [spec('two', 'unexpected', 'timeout'), spec('three', 'flaky', 'once'), spec('four', 'skipped', '')] }] }] };
  expect(outcomesOfPlaywright(JSON.stringify(report))).toEqual({
    passed: 1,
    failures: [{ name: 'a.test.ts: two', why: 'timeout' }, { name: 'a.test.ts: three', why: 'once' }, { name: 'outside of any test', why: 'no config' }],
  });
});

test('an alert or a drill that was never made could count as one that passed', () => {
  const report = [{ name: 'A', verdict: 'passed before', why: '' }, { name: 'B', verdict: 'failed', why: 'did not clear' }, { name: 'C', verdict: 'not reached', why: '' }];
  expect(outcomesOfVerdicts(JSON.stringify(report))).toEqual({ passed: 1, failures: [{ name: 'B', why: 'did not clear' }, { name: 'C', why: 'not reached' }] });
});

test('a diff of a thousand lines, one long line or a trace of the stack could push everything else out of the end of a log', () => {
  const whyOf = (why: string): string => outcomesOfVerdicts(JSON.stringify([{ name: 'A', verdict: 'failed', why }])).failures[0]?.why ?? '';
  expect(whyOf('line\n'.repeat(1000)).split('\n')).toHaveLength(6);
  expect(whyOf('x'.repeat(5000)).length).toBeLessThan(510);
  expect(whyOf('Error: 1 is not 2\n\n    43 |   const a = 1;\n  > 44 |   expect(a).toBe(2);\n       |             ^\n    at a.test.ts:44:5\nand that is why')).toBe('Error: 1 is not 2\nand that is why');
});
