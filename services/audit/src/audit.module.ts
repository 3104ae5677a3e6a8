import { topics } from '@holdfast/kit/events';
import { HealthChecks } from '@holdfast/kit/health';
import { rewindingOnce } from '@holdfast/kit/intake';
import { Kafka, type Subscription } from '@holdfast/kit/kafka';
import { KitModule } from '@holdfast/kit/kit.module';
import { Database } from '@holdfast/kit/postgres';
import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { AuditController } from './audit.controller.ts';
import { CheckpointPlace } from './checkpoints/checkpoint-file.ts';
import { Checkpointer } from './checkpoints/checkpointer.ts';
import { openCheckpointer } from './checkpoints/open-checkpointer.ts';
import { Patrol } from './checkpoints/patrol.ts';
import { config } from './config.ts';
import { appendEvents } from './log/append-events.ts';
import { SearchIndex } from './search/search-index.ts';
import { Sources } from './sources/sources.ts';

/** After a page of the log, the patrol rests four times as long: a fifth of a core, while it walks. */
const PATROL_REST = 4;

/** What keeps the trail honest: the signatures of what it is, and the walk that holds it against them. On connections of their own. */
class Integrity {
  readonly place: CheckpointPlace;
  readonly checkpointer: Checkpointer;
  readonly patrol: Patrol;

  constructor(database: Database) {
    const { checkpointer, place, key } = openCheckpointer(database);
    this.place = place;
    this.checkpointer = checkpointer;
    this.patrol = new Patrol({ database, place, key, everyMs: config.patrolEveryMinutes * 60_000, rest: PATROL_REST });
  }
}

@Module({
  imports: [KitModule.for(config)],
  controllers: [AuditController],
  providers: [
    {
      provide: Database,
      useFactory: () => new Database({ address: config.database, database: 'audit', user: 'audit', directory: config.secretsDirectory }),
    },
    { provide: Integrity, inject: [Database], useFactory: (database: Database) => new Integrity(database) },
    { provide: Sources, inject: [HealthChecks], useFactory: (checks: HealthChecks) => new Sources(checks) },
    { provide: CheckpointPlace, inject: [Integrity], useFactory: ({ place }: Integrity) => place },
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
    private readonly integrity: Integrity,
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
    checks.observe('checkpoints', () => integrity.checkpointer.trouble());
    index.start();
    integrity.checkpointer.start();
    integrity.patrol.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.kafka.close();
    await this.index.stop();
    await this.integrity.checkpointer.stop();
    await this.integrity.patrol.stop();
    await this.database.close();
  }
}
