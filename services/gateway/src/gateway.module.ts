import { HealthChecks } from '@holdfast/kit/health';
import { Kafka } from '@holdfast/kit/kafka';
import { KitModule } from '@holdfast/kit/kit.module';
import { readTls, watchTls } from '@holdfast/kit/tls';
import { TokenVerifier } from '@holdfast/kit/token';
import { Inject, Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { config } from './config.ts';
import { Denials } from './denials.ts';
import { Docs } from './docs/docs.ts';
import { Door } from './door.ts';
import { RateLimiter } from './limits/rate-limiter.ts';
import { services } from './routes.ts';
import type { ServiceName } from './routes.ts';
import { Replicas } from './upstream/replicas.ts';

const directory = config.secretsDirectory;
const UPSTREAMS = 'upstreams';
type Upstreams = Readonly<Record<ServiceName, Replicas>>;

function upstreams(): Upstreams {
  let identity = readTls(directory);
  const all = Object.fromEntries(services.map((service) => [service, new Replicas(service, config[service], () => identity)])) as unknown as Upstreams;
  watchTls((renewed) => {
    identity = renewed;
    for (const replicas of Object.values(all)) replicas.renew();
  }, directory);
  return all;
}

@Module({
  imports: [KitModule.for(config)],
  providers: [
    { provide: UPSTREAMS, useFactory: upstreams },
    { provide: Kafka, useFactory: () => new Kafka({ service: 'gateway', brokers: config.kafkaBrokers, directory }) },
    { provide: RateLimiter, useFactory: () => new RateLimiter({ redis: config.redis, passwordFile: config.redisPasswordFile, directory }) },
    { provide: Denials, inject: [Kafka], useFactory: (kafka: Kafka) => new Denials(kafka) },
    { provide: Docs, inject: [UPSTREAMS], useFactory: (replicas: Upstreams) => new Docs(replicas, config.publicUrl) },
    {
      provide: Door,
      inject: [TokenVerifier, RateLimiter, Denials, UPSTREAMS],
      useFactory: (verifier: TokenVerifier, limiter: RateLimiter, denials: Denials, replicas: Upstreams) =>
        new Door(verifier, limiter, denials, replicas, {
          perSubject: config.subjectLimit,
          anonymousPerIp: config.anonymousLimit,
          registrationPerIp: config.registrationLimit,
        }),
    },
  ],
})
export class GatewayModule implements OnApplicationShutdown {
  constructor(
    private readonly kafka: Kafka,
    private readonly limiter: RateLimiter,
    private readonly denials: Denials,
    @Inject(UPSTREAMS) private readonly replicas: Upstreams,
    checks: HealthChecks,
  ) {
    // Nothing is required: what is away fails the routes that need it, and the others go on.
    checks.observe('redis', () => limiter.trouble());
    checks.observe('kafka', () => (kafka.isConnected() ? undefined : 'not connected'));
    for (const [service, found] of Object.entries(replicas)) {
      checks.observe(service, () => found.trouble());
      found.start();
    }
    kafka.start();
    limiter.start();
    denials.start();
  }

  /** After the last request was answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.denials.stop();
    await this.kafka.close();
    await this.limiter.close();
    await Promise.all(Object.values(this.replicas).map((replicas) => replicas.close()));
  }
}
