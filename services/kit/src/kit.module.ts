import { Global, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationShutdown } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { API_AUDIENCE, AuthenticationGuard } from './authentication.ts';
import { HealthChecks, HealthController } from './health.ts';
import { httpsAgent } from './http-client.ts';
import { KeycloakKeys } from './keycloak-keys.ts';
import { MetricsController } from './metrics.controller.ts';
import { ProblemFilter } from './problem-filter.ts';
import type { ServiceConfig } from './service-config.ts';
import { TokenVerifier } from './token.ts';

/** What every service's root module imports once: token check, problems, health and metrics. */
@Global()
@Module({})
export class KitModule implements OnApplicationShutdown {
  constructor(private readonly keys: KeycloakKeys, checks: HealthChecks) {
    // Only a service that has never seen the keys refuses requests, and it says so with each; the rest go on with the keys at hand.
    checks.observe('keycloak', () => keys.trouble());
    keys.start();
  }

  static for(config: ServiceConfig): DynamicModule {
    const issuer = `${config.publicUrl}/auth/realms/holdfast`;
    return {
      module: KitModule,
      imports: [
        TerminusModule.forRoot({ logger: false }),
        // The loop's delay is sampled ten times a second instead of a hundred: idle services should cost nothing.
        PrometheusModule.register({ controller: MetricsController, path: 'metrics', defaultMetrics: { enabled: true, config: { eventLoopMonitoringPrecision: 100 } } }),
      ],
      controllers: [HealthController],
      providers: [
        HealthChecks,
        {
          provide: KeycloakKeys,
          useFactory: () => new KeycloakKeys({
            url: `${config.keycloakUrl}/realms/holdfast/protocol/openid-connect/certs`,
            agent: httpsAgent({ directory: config.secretsDirectory, timeout_ms: 3_000, connections: 1 }),
          }),
        },
        {
          provide: TokenVerifier,
          inject: [KeycloakKeys],
          useFactory: (keys: KeycloakKeys) => new TokenVerifier({ keys, issuer, audience: API_AUDIENCE }),
        },
        { provide: APP_GUARD, useClass: AuthenticationGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
      exports: [HealthChecks, KeycloakKeys, TokenVerifier],
    };
  }

  onApplicationShutdown(): void {
    this.keys.stop();
  }
}
