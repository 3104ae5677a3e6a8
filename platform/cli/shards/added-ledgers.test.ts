import { describe, expect, test } from '@jest/globals';
import { LEDGERS_AT_FIRST, LEDGERS_MAX, ledgerAddresses } from '../../components.ts';
import { composeOfAddedLedgers, filesOfAddedLedgers } from './added-ledgers.ts';

async function contentOf(ledgers: number, name: string): Promise<string> {
  return (await filesOfAddedLedgers(ledgers)).find((file) => file.name === name)!.content;
}

describe('what rooms are told of ledgers that were added', () => {
  test('nothing is told of those that are in their images already', async () => {
    const first = await contentOf(LEDGERS_AT_FIRST, 'added-ledgers.cfg');
    expect(first.replaceAll(/^#.*\n/gm, '').trim()).toBe('');
    expect(JSON.parse(await contentOf(LEDGERS_AT_FIRST, 'added-patroni.json'))).toEqual([]);
  });

  test('two ledgers could be served at one address, or one at the address of another', async () => {
    const text = await contentOf(LEDGERS_MAX, 'added-ledgers.cfg');
    const served = [...text.matchAll(/^listen (ledger\d)(-replica)? from.*\n\s+bind :(\d+)/gm)].map(([, cluster, replica, port]) => `${cluster}${replica ?? ''} ${port}`);
    expect(served).toEqual([2, 3, 4, 5, 6, 7].flatMap((shard) => [`ledger${shard} ${5433 + shard}`, `ledger${shard}-replica ${6433 + shard}`]));
    expect(ledgerAddresses(LEDGERS_MAX)[7]).toBe('ledger7.postgres:5440');
    expect(text).not.toMatch(/ledger[01]/);
  });

  test('its nodes could be measured as those of another cluster', async () => {
    expect(JSON.parse(await contentOf(3, 'added-postgres.json'))).toEqual([{ targets: ['ledger2-a:5432/postgres', 'ledger2-b:5432/postgres'], labels: { cluster: 'ledger2' } }]);
  });

  test('two nodes could share a volume, or the secrets of another', () => {
    const compose = composeOfAddedLedgers();
    for (const node of ['ledger2-a', 'ledger7-b']) {
      expect(compose).toContain(`volumes: ["${node}:/var/lib/postgresql", "\${HOLDFAST_STATE}/secrets/${node}:/run/holdfast:ro"]`);
    }
    expect(compose.match(/^ {2}ledger\d-[ab]:$/gm)).toHaveLength(12);
  });
});
