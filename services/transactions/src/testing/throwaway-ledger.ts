import type { CallerOf } from '@holdfast/kit/authentication';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { AccountHistory } from '../accounts/account-history.ts';
import { Accounts } from '../accounts/accounts.ts';
import { ChangeAccount } from '../accounts/change-account.ts';
import { SystemAccounts } from '../accounts/system-accounts.ts';
import { CaptureHold } from '../holds/capture-hold.ts';
import { Holds } from '../holds/holds.ts';
import { PlaceHold } from '../holds/place-hold.ts';
import { VoidHold } from '../holds/void-hold.ts';
import { Ledger } from '../shards/ledger.ts';
import { Shard } from '../shards/shard.ts';
import { BookCash } from '../transfers/book-cash.ts';
import { PostBatch } from '../transfers/post-batch.ts';
import { PostTransfer } from '../transfers/post-transfer.ts';
import { Poster } from '../transfers/poster.ts';
import { ReverseTransfer } from '../transfers/reverse-transfer.ts';
import { RouteLegs } from '../transfers/route-legs.ts';
import { ShowTransfer } from '../transfers/show-transfer.ts';
import { Transit } from '../transit/transit.ts';

/** A person of a test: who he is to the services. */
export function customer(name = 'somebody'): CallerOf {
  return person(`${name}-${randomUUID()}`, 'customer');
}

export function operator(): CallerOf {
  return person(`operator-${randomUUID()}`, 'operator');
}

function person(subject: string, role: 'customer' | 'operator'): CallerOf {
  return { subject, roles: [role] } as unknown as CallerOf;
}

/** For tests: the use cases of this service on one shard, in a real Postgres that is gone after `stop`. */
export class ThrowawayLedger {
  readonly postgres: ThrowawayPostgres;
  readonly shard: Shard;
  readonly poster: Poster;
  readonly accounts: Accounts;
  readonly history: AccountHistory;
  readonly changes: ChangeAccount;
  readonly cash: BookCash;
  readonly transfers: PostTransfer;
  readonly batches: PostBatch;
  readonly shown: ShowTransfer;
  readonly reversals: ReverseTransfer;
  readonly holds: Holds;
  readonly placing: PlaceHold;
  readonly capturing: CaptureHold;
  readonly voiding: VoidHold;

  private constructor(postgres: ThrowawayPostgres, shard: Shard, ledger: Ledger) {
    this.postgres = postgres;
    this.shard = shard;
    const systemAccounts = new SystemAccounts();
    const routes = new RouteLegs(ledger, systemAccounts);
    this.poster = new Poster([shard], { lanes: 2, batchMax: 200, onPosted: () => undefined });
    const transit = new Transit(ledger, this.poster, systemAccounts);
    this.accounts = new Accounts(ledger);
    this.history = new AccountHistory(ledger, this.accounts);
    this.changes = new ChangeAccount(ledger, () => undefined);
    this.cash = new BookCash(ledger, systemAccounts, this.poster);
    this.transfers = new PostTransfer(ledger, routes, transit);
    this.batches = new PostBatch(ledger, routes, this.poster, transit);
    this.shown = new ShowTransfer(ledger);
    this.reversals = new ReverseTransfer(ledger, this.shown, systemAccounts, transit);
    this.holds = new Holds(ledger);
    this.placing = new PlaceHold(ledger, routes, this.poster);
    this.capturing = new CaptureHold(ledger, this.holds, systemAccounts, transit);
    this.voiding = new VoidHold(ledger, this.holds, this.poster);
  }

  /** With `clock`, that of its Postgres can be set. */
  static async start(options: { clock?: true } = {}): Promise<ThrowawayLedger> {
    const postgres = await ThrowawayPostgres.start({
      database: 'ledger', role: 'transactions', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)), ...options,
    });
    try {
      await postgres.sql('postgres', 'UPDATE shard_map SET shard = 0', 'ledger');
      const open = () => postgres.database({ database: 'ledger', user: 'transactions', connectionsMax: 8 });
      const shard = new Shard({ number: 0, writes: open(), reads: open(), answerTimeoutMs: 5_000 });
      const ledger = new Ledger([shard]);
      await ledger.refresh();
      return new ThrowawayLedger(postgres, shard, ledger);
    } catch (cause) {
      await postgres.stop();
      throw cause;
    }
  }

  stop(): Promise<void> {
    return this.postgres.stop();
  }

  /** Changes of the database's own that no service may make, such as of the time. */
  sql(text: string): Promise<string> {
    return this.postgres.sql('postgres', text, 'ledger');
  }

  /** A new account with some money in it. */
  async account(owner: CallerOf, amountMinor = 0n, currency: 'EUR' | 'USD' = 'EUR'): Promise<string> {
    const opened = await this.accounts.open(owner, undefined, { currency });
    if (!('body' in opened)) throw new Error(`an account was refused: ${opened.refused}`);
    if (amountMinor > 0n) await this.deposit(opened.body.id, amountMinor);
    return opened.body.id;
  }

  async deposit(account: string, amountMinor: bigint): Promise<string> {
    const booked = await this.cash.book('deposit', operator(), randomUUID(), account, { amount: amountMinor as never });
    if (!('body' in booked)) throw new Error(`a deposit was refused: ${booked.refused}`);
    return booked.body.id;
  }

  /** Balance, held and available, as the owner sees them. */
  async moneyOf(owner: CallerOf, account: string): Promise<string> {
    const shown = await this.accounts.show(owner, account);
    if ('refused' in shown) throw new Error(`an account is not shown: ${shown.refused}`);
    return `${shown.balance} ${shown.held} ${shown.available}`;
  }
}
