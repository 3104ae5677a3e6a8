import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { History, type Asked, type Invocation } from '../faults/history.ts';
import { Session } from '../faults/people.ts';
import { shardOfOwner } from '../faults/read-ledger.ts';
import { HEALED_AT_WORK } from '../kit/budgets.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';

export const WRITERS = 32;
const CUSTOMERS = 8;
/** A writer begins a transfer so often at the most: together 71 a second, and each customer within the gateway's limit of 600 a minute. */
const PACE_MS = 450;
const OPENING_MINOR = 1_000_000_000n;

interface Payer {
  readonly session: Session;
  readonly subject: string;
  /** A pair of accounts for each of his writers. */
  readonly pairs: readonly { readonly from: string; readonly to: string }[];
}

/** Customers of shard 0 who transfer through the edge, each request under a key of its own, and write down what they are told. */
export class Clients {
  readonly history = new History();
  /** In every key, so that runs do not meet. */
  readonly name = `availability-${randomBytes(5).toString('hex')}`;
  private readonly payers: readonly Payer[];
  private working: Promise<unknown> = Promise.resolve();
  private stopping = false;

  private constructor(payers: readonly Payer[]) {
    this.payers = payers;
  }

  static async gather(platform: Platform, say: (line: string) => void): Promise<Clients> {
    const operator = await platform.operator();
    const payers: Payer[] = [];
    while (payers.length < CUSTOMERS) {
      const { email, password, client } = await platform.newCustomer();
      const first = await client.openAccount('EUR');
      const { id: subject } = await client.must<{ id: string }>('GET', '/v1/users/me');
      if ((await shardOfOwner(platform, subject)) !== 0) continue;
      const accounts = [first];
      while (accounts.length < (2 * WRITERS) / CUSTOMERS) accounts.push(await client.openAccount('EUR'));
      const pairs = Array.from({ length: WRITERS / CUSTOMERS }, (_, pair) => ({ from: accounts[2 * pair] ?? '', to: accounts[2 * pair + 1] ?? '' }));
      for (const { from } of pairs) await operator.deposit(from, OPENING_MINOR);
      payers.push({ session: new Session(client, () => platform.visitor.signedIn(email, password)), subject, pairs });
      say(`${payers.length} of ${CUSTOMERS} customers`);
    }
    return new Clients(payers);
  }

  start(): void {
    this.working = Promise.all(this.payers.flatMap((payer) => payer.pairs.map((_, pair) => this.work(payer, pair))));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.working;
  }

  /** Requests that were sent since then. */
  since(startMs: number): Invocation[] {
    return this.history.invocations.filter((one) => one.startMs >= startMs);
  }

  acknowledgedAtMs(sinceMs: number): number[] {
    return this.history.invocations.filter(({ verdict, endMs }) => verdict === 'acknowledged' && endMs >= sinceMs).map(({ endMs }) => endMs);
  }

  /** Until a request that was sent after that moment is acknowledged, for every writer. */
  async flowAfter(startMs: number): Promise<void> {
    await within(HEALED_AT_WORK, 'every writer to be acknowledged', async () =>
      (new Set(this.since(startMs).filter(({ verdict }) => verdict === 'acknowledged').map(({ wish }) => wish.legs[0]?.account)).size === WRITERS ? true : undefined));
  }

  private async work({ session, subject, pairs }: Payer, pair: number): Promise<void> {
    const { from, to } = pairs[pair] ?? { from: '', to: '' };
    for (let number = 0; !this.stopping; number++) {
      const begunMs = performance.now();
      const key = `${this.name}/${from}/${number}`;
      const asked: Asked = { key, person: subject, wish: { kind: 'transfer', reference: key, legs: [{ account: from, amountMinor: -1n }, { account: to, amountMinor: 1n }] } };
      await this.history.invoke([asked], () => session.call('POST', '/v1/transfers', { debit_account: from, credit_account: to, amount: '1', currency: 'EUR', reference: key }, { 'idempotency-key': key }));
      await pause(Math.max(0, PACE_MS - (performance.now() - begunMs)));
    }
  }
}
