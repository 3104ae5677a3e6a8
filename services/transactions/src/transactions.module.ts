import { HealthChecks } from '@holdfast/kit/health';
import { Kafka } from '@holdfast/kit/kafka';
import { KitModule } from '@holdfast/kit/kit.module';
import { Database } from '@holdfast/kit/postgres';
import { Repeat } from '@holdfast/kit/repeat';
import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccountChangesController } from './accounts/account-changes.controller.ts';
import { AccountHistory } from './accounts/account-history.ts';
import { Accounts } from './accounts/accounts.ts';
import { AccountsController } from './accounts/accounts.controller.ts';
import { ChangeAccount } from './accounts/change-account.ts';
import { SystemAccounts } from './accounts/system-accounts.ts';
import { config } from './config.ts';
import { EventsOut } from './events-out.ts';
import { CaptureHold } from './holds/capture-hold.ts';
import { Holds } from './holds/holds.ts';
import { HoldsController } from './holds/holds.controller.ts';
import { PlaceHold } from './holds/place-hold.ts';
import { VoidHold } from './holds/void-hold.ts';
import { Housekeeping } from './housekeeping.ts';
import { Ledger } from './shards/ledger.ts';
import { ShardMapNews } from './shards/shard-map-news.ts';
import { Shard, STATEMENT_TIMEOUT_MS, WRITE_QUERY_TIMEOUT_MS } from './shards/shard.ts';
import { isLeader } from './shards/shards.store.ts';
import { BookCash } from './transfers/book-cash.ts';
import { PostBatch } from './transfers/post-batch.ts';
import { PostTransfer } from './transfers/post-transfer.ts';
import { Poster } from './transfers/poster.ts';
import { ReverseTransfer } from './transfers/reverse-transfer.ts';
import { RouteLegs } from './transfers/route-legs.ts';
import { ShowTransfer } from './transfers/show-transfer.ts';
import { TransfersController } from './transfers/transfers.controller.ts';
import { VerifyModule } from './verify/verify.module.ts';
import { TransitResumer } from './transit/resumer.ts';
import { Transit } from './transit/transit.ts';

/** How long the end waits for queries under way: a write may hang for longer, and its outcome is the database's. */
const CLOSE_MAX_MS = 5_000;

/** The connections to every shard, of four kinds: writes that hang for want of a replica must starve neither reads nor the relay nor the lock of housekeeping. */
class LedgerDatabases {
  readonly lines = config.ledgerShards.map((address, number) => {
    const open = (connectionsMax: number, queryTimeoutMs?: number): Database => new Database({
      address, database: 'ledger', user: 'transactions', directory: config.secretsDirectory, connectionsMax,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS, ...(queryTimeoutMs !== undefined && { queryTimeoutMs }),
    });
    const [writes, reads, relay, housekeeping] = [open(config.postingLanes + 4, WRITE_QUERY_TIMEOUT_MS), open(6), open(3), open(1)];
    const shard = new Shard({ number, writes, reads, answerTimeoutMs: config.writeTimeoutMs });
    return { shard, databases: [writes, reads, relay, housekeeping], relay, housekeeping };
  });

  readonly shards = this.lines.map(({ shard }) => shard);

  async close(): Promise<void> {
    const closed = this.lines.flatMap(({ databases }) => databases.map((database) => database.close()));
    await Promise.race([Promise.allSettled(closed), sleep(CLOSE_MAX_MS)]);
  }
}

@Module({
  imports: [KitModule.for(config), VerifyModule],
  controllers: [AccountsController, AccountChangesController, TransfersController, HoldsController],
  providers: [
    LedgerDatabases,
    { provide: Ledger, inject: [LedgerDatabases], useFactory: ({ shards }: LedgerDatabases) => new Ledger(shards) },
    {
      provide: Kafka,
      useFactory: () => new Kafka({ service: 'transactions', brokers: config.kafkaBrokers, directory: config.secretsDirectory }),
    },
    {
      provide: EventsOut,
      inject: [LedgerDatabases, Kafka],
      useFactory: ({ lines }: LedgerDatabases, kafka: Kafka) => new EventsOut(lines.map(({ shard, relay }) => ({ shard, database: relay })), kafka),
    },
    {
      provide: Poster,
      inject: [LedgerDatabases, EventsOut],
      useFactory: ({ shards }: LedgerDatabases, events: EventsOut) => new Poster(shards, {
        lanes: config.postingLanes, batchMax: config.postingBatchMax, onPosted: (shard) => events.nudge(shard),
      }),
    },
    {
      provide: Housekeeping,
      inject: [LedgerDatabases, Poster],
      useFactory: ({ lines }: LedgerDatabases, poster: Poster) => new Housekeeping(lines.map(({ shard, housekeeping }) => ({ shard, database: housekeeping })), poster),
    },
    {
      provide: ShardMapNews,
      inject: [Ledger, LedgerDatabases],
      useFactory: (ledger: Ledger, { lines }: LedgerDatabases) => new ShardMapNews(ledger, lines.map(({ relay }) => relay)),
    },
    { provide: APP_INTERCEPTOR, inject: [Ledger], useFactory: (ledger: Ledger) => new Repeat((attempt) => ledger.whereverItIs(attempt)) },
    { provide: SystemAccounts, useFactory: () => new SystemAccounts() },
    {
      provide: RouteLegs,
      inject: [Ledger, SystemAccounts],
      useFactory: (ledger: Ledger, systemAccounts: SystemAccounts) => new RouteLegs(ledger, systemAccounts),
    },
    {
      provide: Transit,
      inject: [Ledger, Poster, SystemAccounts, EventsOut],
      useFactory: (ledger: Ledger, poster: Poster, systemAccounts: SystemAccounts, events: EventsOut) => new Transit(ledger, poster, systemAccounts, (shard) => events.nudge(shard)),
    },
    { provide: TransitResumer, inject: [Ledger, Transit], useFactory: (ledger: Ledger, transit: Transit) => new TransitResumer(ledger.shards, transit) },
    { provide: Accounts, inject: [Ledger], useFactory: (ledger: Ledger) => new Accounts(ledger) },
    { provide: AccountHistory, inject: [Ledger, Accounts], useFactory: (ledger: Ledger, accounts: Accounts) => new AccountHistory(ledger, accounts) },
    {
      provide: ChangeAccount,
      inject: [Ledger, EventsOut],
      useFactory: (ledger: Ledger, events: EventsOut) => new ChangeAccount(ledger, (shard) => events.nudge(shard)),
    },
    {
      provide: PostTransfer,
      inject: [Ledger, RouteLegs, Transit],
      useFactory: (ledger: Ledger, routes: RouteLegs, transit: Transit) => new PostTransfer(ledger, routes, transit),
    },
    {
      provide: PostBatch,
      inject: [Ledger, RouteLegs, Poster, Transit],
      useFactory: (ledger: Ledger, routes: RouteLegs, poster: Poster, transit: Transit) => new PostBatch(ledger, routes, poster, transit),
    },
    { provide: ShowTransfer, inject: [Ledger], useFactory: (ledger: Ledger) => new ShowTransfer(ledger) },
    {
      provide: ReverseTransfer,
      inject: [Ledger, ShowTransfer, SystemAccounts, Transit],
      useFactory: (ledger: Ledger, transfers: ShowTransfer, systemAccounts: SystemAccounts, transit: Transit) => new ReverseTransfer(ledger, transfers, systemAccounts, transit),
    },
    {
      provide: BookCash,
      inject: [Ledger, SystemAccounts, Poster],
      useFactory: (ledger: Ledger, systemAccounts: SystemAccounts, poster: Poster) => new BookCash(ledger, systemAccounts, poster),
    },
    { provide: Holds, inject: [Ledger], useFactory: (ledger: Ledger) => new Holds(ledger) },
    { provide: PlaceHold, inject: [Ledger, RouteLegs, Poster], useFactory: (ledger: Ledger, routes: RouteLegs, poster: Poster) => new PlaceHold(ledger, routes, poster) },
    {
      provide: CaptureHold,
      inject: [Ledger, Holds, SystemAccounts, Transit],
      useFactory: (ledger: Ledger, holds: Holds, systemAccounts: SystemAccounts, transit: Transit) => new CaptureHold(ledger, holds, systemAccounts, transit),
    },
    { provide: VoidHold, inject: [Ledger, Holds, Poster], useFactory: (ledger: Ledger, holds: Holds, poster: Poster) => new VoidHold(ledger, holds, poster) },
  ],
})
export class TransactionsModule implements OnApplicationShutdown {
  constructor(
    private readonly databases: LedgerDatabases,
    private readonly ledger: Ledger,
    private readonly kafka: Kafka,
    private readonly events: EventsOut,
    private readonly housekeeping: Housekeeping,
    private readonly transit: Transit,
    private readonly resumer: TransitResumer,
    private readonly news: ShardMapNews,
    checks: HealthChecks,
  ) {
    // One leader is enough to be ready: with this replica taken out, customers of the shards that are up would have nobody at all.
    checks.require('ledger', async () => {
      if (!ledger.isMapKnown()) throw new Error('no shard has told the shard map yet');
      // The first to answer decides: a shard that is frozen must not be waited for.
      await Promise.any(ledger.shards.map(async (shard) => {
        if (!await isLeader(shard)) throw new Error('what answers is not a leader');
      })).catch(() => { throw new Error('no shard of the ledger has a leader'); });
    });
    for (const shard of ledger.shards) {
      checks.observe(`ledger${shard.number}`, async () => {
        if (!await isLeader(shard)) return 'what answers is not a leader';
        return shard.isStalled() ? 'a write waits for the synchronous replica' : undefined;
      });
    }
    checks.observe('kafka', () => (kafka.isConnected() ? undefined : 'not connected: events wait in the outbox'));
    checks.observe('outbox', () => events.trouble());
    ledger.start();
    kafka.start();
    events.start();
    housekeeping.start();
    resumer.start();
    news.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.ledger.stop();
    await this.housekeeping.stop();
    await this.resumer.stop();
    await this.transit.allMarked();
    await this.news.stop();
    await this.events.stop();
    await this.kafka.close();
    await this.databases.close();
  }
}
