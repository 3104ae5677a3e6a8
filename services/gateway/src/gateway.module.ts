import { HealthChecks } from '@holdfast/kit/health';
import { httpsAgent } from '@holdfast/kit/http-client';
import { Kafka } from '@holdfast/kit/kafka';
import { KitModule } from '@holdfast/kit/kit.module';
import { readTls, watchTls } from '@holdfast/kit/tls';
import { TokenVerifier } from '@holdfast/kit/token';
import { Inject, Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { config } from './config.ts';
import { Denials } from './denials.ts';
import { Docs } from './docs/docs.ts';
import { Door } from './door.ts';
import { RateLimiter } from './limits/rate-limiter.ts';
import { SignInProvider } from './operators/keycloak.ts';
import { Kibana } from './operators/kibana.ts';
import { OperatorsPages, watchers } from './operators/operators-pages.ts';
import type { Watchers } from './operators/operators-pages.ts';
import { SignIn } from './operators/sign-in.ts';
import { services } from './routes.ts';
import type { ServiceName } from './routes.ts';
import { Replicas } from './upstream/replicas.ts';

const directory = config.secretsDirectory;
const UPSTREAMS = 'upstreams';
const BEHIND_SIGN_IN = 'behind the sign-in';
type Upstreams = Readonly<Record<ServiceName, Replicas>>;
type BehindSignIn = Watchers & Readonly<Record<'kibana', Replicas>>;

/** Each with the certificate of the day. */
function replicasOf<Name extends ServiceName | keyof BehindSignIn>(names: readonly Name[]): Readonly<Record<Name, Replicas>> {
  let identity = readTls(directory);
  const all = Object.fromEntries(names.map((name) => [name, new Replicas(name, config[name], () => identity)])) as unknown as Record<Name, Replicas>;
  watchTls((renewed) => {
    identity = renewed;
    for (const replicas of Object.values<Replicas>(all)) replicas.renew();
  }, directory);
  return all;
}

function signIn(verifier: TokenVerifier, limiter: RateLimiter): SignIn {
  // Read each time, so that a renewed secret is seen; sessions that were sealed with the old one end with it.
  const secret = (): string => readFileSync(config.keycloakSecretFile, 'utf8').trim();
  const { publicUrl, keycloakUrl } = config;
  const agent = httpsAgent({ directory, connections: 4 });
  const provider = new SignInProvider({ publicUrl, keycloakUrl, secret, agent, verifier });
  return new SignIn({ provider, limiter, callbacksPerIpPerMinute: config.anonymousLimit, secret, publicUrl });
}

@Module({
  imports: [KitModule.for(config)],
  providers: [
    { provide: UPSTREAMS, useFactory: () => replicasOf(services) },
    { provide: BEHIND_SIGN_IN, useFactory: () => replicasOf([...watchers, 'kibana']) },
    { provide: SignIn, inject: [TokenVerifier, RateLimiter], useFactory: signIn },
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
    {
      provide: OperatorsPages,
      inject: [SignIn, BEHIND_SIGN_IN],
      useFactory: (signedIn: SignIn, behind: BehindSignIn) => new OperatorsPages(signedIn, behind),
    },
    {
      provide: Kibana,
      inject: [SignIn, BEHIND_SIGN_IN],
      useFactory: (signedIn: SignIn, { kibana }: BehindSignIn) => new Kibana(signedIn, kibana, () => readFileSync(config.readerPasswordFile, 'utf8').trim()),
    },
  ],
})
export class GatewayModule implements OnApplicationShutdown {
  constructor(
    private readonly kafka: Kafka,
    private readonly limiter: RateLimiter,
    private readonly denials: Denials,
    @Inject(UPSTREAMS) private readonly replicas: Upstreams,
    @Inject(BEHIND_SIGN_IN) private readonly behindSignIn: BehindSignIn,
    checks: HealthChecks,
  ) {
    // Nothing is required: what is away fails the routes that need it, and the others go on.
    checks.observe('redis', () => limiter.trouble());
    checks.observe('kafka', () => (kafka.isConnected() ? undefined : 'not connected'));
    for (const [service, found] of Object.entries(replicas)) {
      checks.observe(service, () => found.trouble());
      found.start();
    }
    for (const found of Object.values(behindSignIn)) found.start();
    kafka.start();
    limiter.start();
    denials.start();
  }

  /** After the last request was answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.denials.stop();
    await this.kafka.close();
    await this.limiter.close();
    await Promise.all([...Object.values(this.replicas), ...Object.values(this.behindSignIn)].map((replicas) => replicas.close()));
  }
}
