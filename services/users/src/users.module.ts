import { topics } from '@holdfast/kit/events';
import { HealthChecks } from '@holdfast/kit/health';
import { httpsAgent } from '@holdfast/kit/http-client';
import { Kafka } from '@holdfast/kit/kafka';
import { KitModule } from '@holdfast/kit/kit.module';
import { log } from '@holdfast/kit/logging';
import { OutboxRelay } from '@holdfast/kit/outbox';
import { Database } from '@holdfast/kit/postgres';
import { inTrace } from '@holdfast/kit/trace';
import { Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { ChangePerson } from './change-person.ts';
import { config } from './config.ts';
import { KeycloakPeople } from './keycloak-people.ts';
import { PeopleStore } from './people.store.ts';
import { RegisterPerson } from './registration/register-person.ts';
import { UsersController } from './users.controller.ts';

const ACTIVATION_INTERVAL_MS = 30_000;
const directory = config.secretsDirectory;

/** One database by three pools: who waits for Keycloak, or relays for ever, must hold no connection that somebody else needs. Ten in all. */
class UsersDatabases {
  readonly requests = this.open(5);
  /** As many registrations are under way at a time; others wait for their turn. */
  readonly locks = this.open(4);
  readonly relay = this.open(1);

  async close(): Promise<void> {
    await Promise.allSettled([this.requests, this.locks, this.relay].map((database) => database.close()));
  }

  private open(connectionsMax: number): Database {
    return new Database({ address: config.database, database: 'users', user: 'users', directory, connectionsMax });
  }
}

@Module({
  imports: [KitModule.for(config)],
  controllers: [UsersController],
  providers: [
    UsersDatabases,
    { provide: Kafka, useFactory: () => new Kafka({ service: 'users', brokers: config.kafkaBrokers, directory }) },
    {
      provide: KeycloakPeople,
      useFactory: () => new KeycloakPeople({ keycloakUrl: config.keycloakUrl, secretFile: config.keycloakSecretFile, agent: httpsAgent({ directory, timeout_ms: 5_000 }) }),
    },
    {
      provide: OutboxRelay,
      inject: [UsersDatabases, Kafka],
      useFactory: (databases: UsersDatabases, kafka: Kafka) =>
        new OutboxRelay({ database: databases.relay, publisher: kafka, topic: topics.users, shard: 0, partition: 0, keyOf: (event) => String(event.data.user_id) }),
    },
    {
      provide: PeopleStore,
      inject: [UsersDatabases, OutboxRelay],
      useFactory: ({ requests, locks }: UsersDatabases, relay: OutboxRelay) => new PeopleStore(requests, locks, () => relay.nudge()),
    },
    { provide: RegisterPerson, inject: [PeopleStore, KeycloakPeople], useFactory: (people: PeopleStore, keycloak: KeycloakPeople) => new RegisterPerson(people, keycloak) },
    { provide: ChangePerson, inject: [PeopleStore, KeycloakPeople], useFactory: (people: PeopleStore, keycloak: KeycloakPeople) => new ChangePerson(people, keycloak) },
  ],
})
export class UsersModule implements OnApplicationShutdown {
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly databases: UsersDatabases,
    private readonly kafka: Kafka,
    private readonly relay: OutboxRelay,
    registration: RegisterPerson,
    checks: HealthChecks,
  ) {
    checks.require('postgres', () => databases.requests.ping());
    checks.observe('outbox', () => relay.trouble());
    checks.observe('kafka', () => (kafka.isConnected() ? undefined : 'not connected'));
    kafka.start();
    relay.start();
    this.timer = setInterval(() => void inTrace(undefined, async () => {
      try {
        const activated = await registration.activateWaiting();
        if (activated > 0) log.info('finished registrations that had stopped half-way', { 'holdfast.count': activated });
      } catch (cause) {
        log.warn('registrations that stopped half-way cannot be finished yet', {}, cause);
      }
    }), ACTIVATION_INTERVAL_MS);
    this.timer.unref();
  }

  /** After the last request was answered. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.relay.stop();
    await this.kafka.close();
    await this.databases.close();
  }
}
