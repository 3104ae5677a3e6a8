import { topics } from '@holdfast/kit/events';
import { HealthChecks } from '@holdfast/kit/health';
import { rewindingOnce } from '@holdfast/kit/intake';
import { Kafka, type Subscription } from '@holdfast/kit/kafka';
import { KitModule } from '@holdfast/kit/kit.module';
import { Database } from '@holdfast/kit/postgres';
import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { AuditController } from './audit.controller.ts';
import { config } from './config.ts';
import { appendEvents } from './log/append-events.ts';
import { SearchIndex } from './search/search-index.ts';

@Module({
  imports: [KitModule.for(config)],
  controllers: [AuditController],
  providers: [
    {
      provide: Database,
      useFactory: () => new Database({ address: config.database, database: 'audit', user: 'audit', directory: config.secretsDirectory }),
    },
    { provide: Kafka, useFactory: () => new Kafka({ service: 'audit', brokers: config.kafkaBrokers, directory: config.secretsDirectory }) },
    {
      provide: SearchIndex,
      inject: [Database],
      useFactory: (database: Database) => new SearchIndex({ database, url: config.elasticsearch, directory: config.secretsDirectory, everyMs: config.indexEveryMs }),
    },
  ],
})
export class AuditModule implements OnApplicationShutdown {
  private readonly subscription: Subscription;

  constructor(
    private readonly database: Database,
    private readonly kafka: Kafka,
    private readonly index: SearchIndex,
    checks: HealthChecks,
  ) {
    this.subscription = kafka.subscribe({
      topics: Object.values(topics),
      group: 'audit',
      apply: rewindingOnce(async (events) => {
        await appendEvents(database, events);
        index.nudge();
      }, () => this.subscription),
    });
    checks.require('database', () => database.ping());
    checks.observe('events', () => this.subscription.trouble());
    checks.observe('elasticsearch', () => index.trouble());
    index.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.kafka.close();
    await this.index.stop();
    await this.database.close();
  }
}
