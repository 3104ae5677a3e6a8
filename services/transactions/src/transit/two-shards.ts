import { expect } from '@jest/globals';
import { unavailable, type Refusal } from '@holdfast/kit/problem';
import type { Database } from '@holdfast/kit/postgres';
import { PastOfPostgres } from '@holdfast/kit/testing/past-of-postgres';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bucketOf, newAccountId, newTransferId, type AccountId } from '../accounts/account-id.ts';
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
import { hashOfRequest } from '../transfers/idempotency.ts';
import { PostBatch } from '../transfers/post-batch.ts';
import { PostTransfer } from '../transfers/post-transfer.ts';
import { Poster } from '../transfers/poster.ts';
import type { LedgerRefusal } from '../transfers/refusals.ts';
import { ReverseTransfer } from '../transfers/reverse-transfer.ts';
import { RouteLegs } from '../transfers/route-legs.ts';
import { ShowTransfer } from '../transfers/show-transfer.ts';
import { TransitResumer } from './resumer.ts';
import { Transit, type Became } from './transit.ts';

/** Buckets of the two shards, as the migrations place them. */
const BUCKETS = [7, 700] as const;

export interface Payment {
  readonly key: string;
  readonly payer: AccountId;
  readonly payee: AccountId;
  readonly amountMinor: bigint;
  readonly currency: string;
}

/** For tests: two ledgers, each in a Postgres of its own. */
export class TwoShards {
  readonly databases: readonly Database[];
  private readonly postgres: readonly ThrowawayPostgres[];
  private currencies = 0;

  private constructor(postgres: readonly ThrowawayPostgres[]) {
    this.postgres = postgres;
    this.databases = postgres.map((each) => each.database({ database: 'ledger', user: 'transactions', connectionsMax: 20 }));
  }

  static async start(options: { clock?: true; memory?: string } = {}): Promise<TwoShards> {
    const migrations = fileURLToPath(new URL('../../migrations', import.meta.url));
    return new TwoShards(await Promise.all([0, 1].map((shard) => ThrowawayPostgres.start({ database: 'ledger', role: 'transactions', migrations, shard, ...options }))));
  }

  async stop(): Promise<void> {
    await Promise.all(this.postgres.map((each) => each.stop()));
  }

  /** Of one of them. */
  async setClock(shard: 0 | 1, ahead_s: number): Promise<void> {
    await this.postgres[shard]?.setClock(ahead_s);
  }

  /** From now on both can be gone back to any moment. */
  async remember(): Promise<Past> {
    return new Past(this.postgres, await Promise.all(this.postgres.map((each) => PastOfPostgres.begin(each))));
  }

  /** Accounts in a currency that no other test has: what is summed over it is the test's own. */
  async newBooks(): Promise<Books> {
    const n = this.currencies++;
    const currency = [676, 26, 1].map((place) => String.fromCharCode(65 + Math.floor(n / place) % 26)).join('');
    const replica = new MortalReplica(this);
    await replica.ready();
    return new Books(this, replica, currency);
  }
}

/** Two ledgers as they were: each restored by itself from its own backup and WAL, as the product restores clusters. */
export class Past {
  private readonly postgres: readonly ThrowawayPostgres[];
  private readonly pasts: readonly PastOfPostgres[];
  private open: readonly Database[] = [];

  constructor(postgres: readonly ThrowawayPostgres[], pasts: readonly PastOfPostgres[]) {
    this.postgres = postgres;
    this.pasts = pasts;
  }

  async end(): Promise<void> {
    await Promise.all(this.pasts.map((past) => past.end()));
  }

  /** The databases of both as they were then, to be worked with until the next call. @param at for each shard, microseconds since 1970 */
  async at(at: readonly [bigint, bigint]): Promise<Pick<TwoShards, 'databases'>> {
    await Promise.all(this.open.map((database) => database.close()));
    await Promise.all(this.pasts.map((past, shard) => past.serve(at[shard] ?? 0n)));
    this.open = this.postgres.map((each) => each.database({ database: 'ledger', user: 'transactions', connectionsMax: 4 }, 'copy'));
    return { databases: this.open };
  }
}

export class Books {
  readonly currency: string;
  private readonly shards: TwoShards;
  private readonly replica: MortalReplica;

  constructor(shards: TwoShards, replica: MortalReplica, currency: string) {
    this.shards = shards;
    this.replica = replica;
    this.currency = currency;
  }

  /** A payer with 100 on one shard, and a payee on the other. */
  async payment(wish: { amountMinor: bigint; payee: 'open' | 'frozen' | 'unknown'; backwards?: boolean }): Promise<Payment> {
    const [from, to] = wish.backwards ? [1, 0] as const : [0, 1] as const;
    const payer = await this.account(from, 'open');
    const payee = wish.payee === 'unknown' ? newAccountId(BUCKETS[to]) : await this.account(to, wish.payee);
    const purse = await this.account(from, 'open', null);
    await this.replica.poster.post(this.replica.ledger.shardOf(payer), {
      operation: 'transfer', kind: 'deposit', transferId: newTransferId(BUCKETS[from]), scope: 'deposits', key: randomUUID(), bucket: BUCKETS[from],
      requestHash: hashOfRequest('deposit', [payer]), legs: [{ account: purse, amountMinor: -100n }, { account: payer, amountMinor: 100n }],
      owner: undefined, actor: 'test', traceparent: undefined,
    });
    return { key: randomUUID(), payer, payee, amountMinor: wish.amountMinor, currency: this.currency };
  }

  async balanceOf(id: AccountId): Promise<bigint | undefined> {
    const [row] = await this.databaseOf(id).query<{ balance_minor: bigint }>('SELECT balance_minor FROM accounts WHERE id = $1', [id]);
    return row?.balance_minor;
  }

  freeze(id: AccountId): Promise<unknown> {
    return this.databaseOf(id).query("UPDATE accounts SET status = 'frozen' WHERE id = $1", [id]);
  }

  thaw(id: AccountId): Promise<unknown> {
    return this.databaseOf(id).query("UPDATE accounts SET status = 'open' WHERE id = $1", [id]);
  }

  async underWay(): Promise<number> {
    const counts = await Promise.all(this.shards.databases.map((database) =>
      database.query<{ n: number }>("SELECT count(*)::int AS n FROM outgoing_transfers WHERE state = 'sent' AND currency = $1", [this.currency])));
    return counts.reduce((sum, [row]) => sum + (row?.n ?? 0), 0);
  }

  /** What holds at any instant: the money of each shard, what is in transit included, sums to zero. */
  async expectZeroSums(): Promise<void> {
    for (const database of this.shards.databases) {
      const [row] = await database.query<{ sum: string }>('SELECT coalesce(sum(balance_minor), 0)::text AS sum FROM accounts WHERE currency = $1', [this.currency]);
      expect(row?.sum).toBe('0');
    }
  }

  /** Nothing is under way: what one account in transit gave away, another one got; and each transfer has told of its end once. */
  async expectAtRest(): Promise<void> {
    await this.expectZeroSums();
    expect(await this.underWay()).toBe(0);
    let inTransit = 0n;
    for (const database of this.shards.databases) {
      const [row] = await database.query<{ sum: string }>(
        "SELECT coalesce(sum(balance_minor), 0)::text AS sum FROM accounts WHERE owner = 'system:in-transit' AND currency = $1", [this.currency]);
      inTransit += BigInt(row?.sum ?? 'none');
      expect(await database.query(
        `SELECT o.transfer_id, o.state, count(outbox.id)::int AS told
           FROM outgoing_transfers o LEFT JOIN outbox ON outbox.type = 'transfer.' || o.state AND outbox.data->>'transfer_id' = o.transfer_id::text
          WHERE o.currency = $1 GROUP BY o.transfer_id HAVING count(outbox.id) <> 1`, [this.currency])).toEqual([]);
    }
    expect(inTransit).toBe(0n);
  }

  private async account(shard: 0 | 1, status: 'open' | 'frozen', overdraftLimitMinor: bigint | null = 0n): Promise<AccountId> {
    const id = newAccountId(BUCKETS[shard]);
    await this.databaseOf(id).query(
      `INSERT INTO accounts (id, owner, currency, kind, normal_side, status, overdraft_limit_minor) VALUES ($1, $2, $3, 'customer', 'credit', $4, $5)`,
      [id, `owner of ${id}`, this.currency, status, overdraftLimitMinor]);
    return id;
  }

  private databaseOf(id: AccountId): Database {
    const database = this.shards.databases[bucketOf(id) < 512 ? 0 : 1];
    if (!database) throw new Error('there are two shards');
    return database;
  }
}

/** Which write of a replica is its last, counted from 1, and whether it still reaches the database. */
export interface Crash {
  readonly write: number;
  readonly when: 'before' | 'after';
}

/**
 * A replica of the service as far as transfers go, that can die at any of its writes: after that nothing of it reaches a database any more.
 * So no line of the product knows of crashes, and none is missed: each durable step is a write.
 */
export class MortalReplica {
  crash: Crash | undefined;
  writes = 0;
  /** Shards that do not answer. */
  readonly away = new Set<number>();
  readonly ledger: Ledger;
  readonly poster: Poster;
  readonly resumer: TransitResumer;
  readonly systemAccounts = new SystemAccounts();
  readonly transit: Transit;
  get isDead(): boolean {
    return this.dead;
  }

  private readonly death = Promise.withResolvers<'died'>();
  private dead = false;
  private marksHeld = false;

  constructor(shards: Pick<TwoShards, 'databases'>, crash?: Crash) {
    this.crash = crash;
    this.ledger = new Ledger(shards.databases.map((database, number) => new Shard({
      number, answerTimeoutMs: 5_000,
      reads: { query: <Row extends object>(sql: string, values?: readonly unknown[], name?: string) => this.ask(number, () => database.query<Row>(sql, values, name)) },
      writes: { query: <Row extends object>(sql: string, values?: readonly unknown[], name?: string) => this.write(number, () => database.query<Row>(sql, values, name), name) },
    })));
    this.poster = new Poster(this.ledger.shards, { lanes: 2, batchMax: 100, onPosted: () => undefined });
    this.transit = new Transit(this.ledger, this.poster, this.systemAccounts);
    this.resumer = new TransitResumer(this.ledger.shards, this.transit);
  }

  /** The use cases of this replica, as its routes would call them. */
  services() {
    const { ledger, poster, systemAccounts, transit } = this;
    const [routes, shown, holds, accounts] = [new RouteLegs(ledger, systemAccounts), new ShowTransfer(ledger), new Holds(ledger), new Accounts(ledger)];
    return {
      accounts, shown, holds,
      history: new AccountHistory(ledger, accounts),
      changes: new ChangeAccount(ledger, () => undefined),
      cash: new BookCash(ledger, systemAccounts, poster),
      transfers: new PostTransfer(ledger, routes, transit),
      batches: new PostBatch(ledger, routes, poster, transit),
      reversals: new ReverseTransfer(ledger, shown, systemAccounts, transit),
      placing: new PlaceHold(ledger, routes, poster),
      capturing: new CaptureHold(ledger, holds, systemAccounts, transit),
      voiding: new VoidHold(ledger, holds, poster),
    };
  }

  async ready(): Promise<void> {
    await this.ledger.refresh();
  }

  /** Makes the accounts in transit on both shards, where they are to be no part of the test. */
  async systemAccountsOf(currency: string): Promise<void> {
    await Promise.all(this.ledger.shards.map((shard, number) => this.systemAccounts.of(shard, 'in-transit', currency, BUCKETS[number as 0 | 1])));
  }

  /** What the client is told, under the payment's key. The mark that follows is among the writes at which a replica dies: it is waited for here, by nobody else. */
  async pay(payment: Payment): Promise<Became | 'died'> {
    const told = await Promise.race([this.death.promise, this.answerTo(payment)]);
    await Promise.race([this.death.promise, this.transit.allMarked()]);
    return told;
  }

  async resumeAll(): Promise<void> {
    await Promise.race([this.death.promise, Promise.all(this.ledger.shards.map((shard) => this.resumer.resume(shard, -60_000))).then(() => this.transit.allMarked())]);
  }

  private async answerTo({ key, payer, payee, amountMinor, currency }: Payment): Promise<Became> {
    const source = this.ledger.shardOf(payer);
    const inTransit = await this.systemAccounts.of(source, 'in-transit', currency, bucketOf(payer));
    const outgoing = [{ account: payee, amountMinor }];
    const posted = await this.poster.post(source, {
      operation: 'transfer', kind: 'transfer', transferId: newTransferId(bucketOf(payer)), scope: 'clients', key, bucket: bucketOf(payer),
      requestHash: hashOfRequest('transfer', [key]), legs: [{ account: payer, amountMinor: -amountMinor }, { account: inTransit, amountMinor }], outgoing,
      currency, owner: `owner of ${payer}`, actor: 'test', traceparent: undefined, reference: 'rent', metadata: '{"flat":  "7"}',
    });
    return 'refused' in posted ? posted as Refusal<LedgerRefusal> : this.transit.outcomeOf(source, posted, {
      legs: outgoing, currency, actor: 'test', traceparent: undefined, reference: 'rent', metadata: '{"flat":  "7"}',
    });
  }

  private async ask<T>(shard: number, query: () => Promise<T>): Promise<T> {
    this.assertReaches(shard);
    const rows = await query();
    this.assertReaches(shard);
    return rows;
  }

  /** From now on no mark of this replica is written: as if it had died before, but for what it answers. */
  holdMarks(): void {
    this.marksHeld = true;
  }

  private async write<T>(shard: number, query: () => Promise<T>, name: string | undefined): Promise<T> {
    this.assertReaches(shard);
    if (this.marksHeld && name === 'settle_outgoing') throw unavailable('database_unavailable', 'held');
    this.writes += 1;
    const isLast = this.crash?.write === this.writes;
    if (isLast && this.crash?.when === 'before') this.die();
    const rows = await this.ask(shard, query);
    if (isLast) this.die();
    return rows;
  }

  private assertReaches(shard: number): void {
    if (this.dead || this.away.has(shard)) throw unavailable('database_unavailable', 'away');
  }

  private die(): never {
    this.dead = true;
    this.death.resolve('died');
    throw unavailable('database_unavailable', 'dead');
  }
}
