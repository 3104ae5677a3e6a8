import { topics } from '@holdfast/kit/events';
import { HealthChecks } from '@holdfast/kit/health';
import { rewindingOnce } from '@holdfast/kit/intake';
import { Kafka, type Subscription } from '@holdfast/kit/kafka';
import { KitModule } from '@holdfast/kit/kit.module';
import { Database } from '@holdfast/kit/postgres';
import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { config } from './config.ts';
import { applyEvents } from './read-models/apply-events.ts';
import { ReportCache } from './reports/cache.ts';
import { Reports } from './reports/reports.ts';
import { ReportsController } from './reports/reports.controller.ts';

@Module({
  imports: [KitModule.for(config)],
  controllers: [ReportsController],
  providers: [
    {
      provide: Database,
      useFactory: () => new Database({ address: config.database, database: 'reporting', user: 'reporting', directory: config.secretsDirectory }),
    },
    { provide: Kafka, useFactory: () => new Kafka({ service: 'reporting', brokers: config.kafkaBrokers, directory: config.secretsDirectory }) },
    { provide: ReportCache, useFactory: () => new ReportCache({ address: config.redis, directory: config.secretsDirectory, ttlS: config.cacheTtlS }) },
    { provide: Reports, inject: [Database, ReportCache], useFactory: (database: Database, cache: ReportCache) => new Reports(database, cache) },
  ],
})
export class ReportingModule implements OnApplicationShutdown {
  private readonly subscription: Subscription;

  constructor(
    private readonly database: Database,
    private readonly kafka: Kafka,
    private readonly cache: ReportCache,
    checks: HealthChecks,
  ) {
    this.subscription = kafka.subscribe({
      topics: [topics.ledger], group: 'reporting', apply: rewindingOnce((events) => applyEvents(database, events), () => this.subscription),
    });
    checks.require('database', () => database.ping());
    checks.observe('events', () => this.subscription.trouble());
    checks.observe('redis', () => cache.trouble());
    cache.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.kafka.close();
    this.cache.stop();
    await this.database.close();
  }
}
