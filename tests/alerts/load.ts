import { randomUUID } from 'node:crypto';
import type { Person, Platform } from '../kit/platform.ts';

/** Something that is done again and again, until it is stopped. That it fails now and then is no matter of its own. */
export class Load {
  private timer: NodeJS.Timeout | undefined;

  start(everyMs: number, work: () => Promise<unknown>): void {
    const again = (): void => void work().catch(() => undefined);
    again();
    this.timer = setInterval(again, everyMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

/** A customer with two accounts on a shard of the ledger: all accounts of a person are on one. */
export async function customerOn(platform: Platform, shard: number): Promise<Person & { from: string; to: string }> {
  for (let left = 20; left > 0; left--) {
    const person = await platform.fundedCustomer(1_000_000n);
    if ((await shardOf(platform, person.from)) === shard) return person;
  }
  throw new Error(`nobody of twenty people came to shard ${shard}`);
}

/** So many transfers in one request; the answer has each one's status. */
export async function transferMany(person: Person, from: string, to: string, count: number, amountMinor = 1n): Promise<{ status: number; code: string | null }[]> {
  const items = Array.from({ length: count }, () => ({ idempotency_key: randomUUID(), debit_account: from, credit_account: to, amount: String(amountMinor), currency: 'EUR' }));
  return (await person.client.must<{ items: { status: number; code: string | null }[] }>('POST', '/v1/transfers/batch', { items })).items;
}

/** An id carries its bucket, and the map says on which shard that is. */
async function shardOf(platform: Platform, account: string): Promise<number> {
  const bucket = Number.parseInt(account.slice(14, 18), 16) & 0x3ff;
  const [row] = await platform.query<{ shard: number }>('ledger0', 'ledger', `SELECT shard FROM shard_map WHERE bucket = ${bucket}`);
  return row?.shard ?? -1;
}
