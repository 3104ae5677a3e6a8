import { expect, test } from '@jest/globals';
import { clustersOf } from '../../components.ts';
import { chosenClusters } from './decide.ts';
import { parseTarget } from './target.ts';

const chosen = (ledgers: number, wished: string[] | undefined, to: string): string[] => chosenClusters({ clusters: clustersOf(ledgers) }, wished, parseTarget(to));

test('a shard that was added could stay where it is while the others go back', () => {
  expect(chosen(3, undefined, '2026-01-31T12:00:00Z')).toEqual(['core', 'ledger0', 'ledger1', 'ledger2']);
  expect(() => chosen(3, ['ledger0', 'ledger1'], '2026-01-31T12:00:00Z')).toThrow('ledger0, ledger1 alone cannot go back');
  expect(chosen(3, ['ledger2'], 'latest')).toEqual(['ledger2']);
});

test('a cluster that is not there could be restored, or one place in the WAL mean several clusters', () => {
  expect(() => chosen(2, ['ledger2'], 'latest')).toThrow('there is no cluster "ledger2"');
  expect(() => chosen(2, undefined, '0/5000100')).toThrow('a place in the WAL is one of a single cluster');
});
