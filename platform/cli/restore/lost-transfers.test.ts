import { expect, test } from '@jest/globals';
import { csvOf, lostOf, type PostedTransfer } from './lost-transfers.ts';

const posted = (id: string, occurred_at: string, change: Partial<PostedTransfer> = {}): PostedTransfer => ({
  occurred_at, keys: null, known_by: 'audit log', ...change,
  data: { transfer_id: id, kind: 'transfer', reference: null, external_reference: null, entries: [{ account_id: 'a', amount: '-5', currency: 'EUR' }, { account_id: 'b', amount: '5', currency: 'EUR' }], ...change.data },
});

test('what both know is listed once, by who knows more, and what is still there is not listed', () => {
  const ledger = [posted('2', '10:00:02'), posted('1', '10:00:01')].map((one) => ({ ...one, known_by: 'ledger' as const, keys: [{ scope: 's', key: `key of ${one.data.transfer_id}` }] }));
  const lost = lostOf([...ledger, posted('1', '10:00:01'), posted('3', '10:00:03'), posted('0', '10:00:00')], ['0']);
  expect(lost.map(({ data, known_by }) => [data.transfer_id, known_by])).toEqual([['1', 'ledger'], ['2', 'ledger'], ['3', 'audit log']]);
});

test('a line tells who paid whom how much, in each currency', () => {
  const entries = [['a', '-7', 'EUR'], ['b', '5', 'EUR'], ['c', '2', 'EUR'], ['d', '-1', 'USD'], ['e', '1', 'USD']].map(([account_id = '', amount = '', currency = '']) => ({ account_id, amount, currency }));
  const one = posted('1', '10:00:01', { keys: [{ scope: 's', key: 'k1' }, { scope: 's', key: 'k2' }] });
  expect(csvOf('ledger0', [{ ...one, data: { ...one.data, entries } }])).toBe(
    'ledger0,1,10:00:01,transfer,EUR,7,a:7,b:5 c:2,,,k1 k2,audit log\nledger0,1,10:00:01,transfer,USD,1,d:1,e:1,,,k1 k2,audit log\n');
});

test('what a payer wrote breaks no line, and is no formula to a spreadsheet', () => {
  const one = posted('1', '10:00:01');
  expect(csvOf('ledger0', [{ ...one, data: { ...one.data, reference: 'a "b",\nc', external_reference: '=1+1' } }])).toContain(`"a ""b"",\nc",'=1+1,`);
});
