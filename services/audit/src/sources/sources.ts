import type { HealthChecks } from '@holdfast/kit/health';
import { httpsAgent } from '@holdfast/kit/http-client';
import { Database } from '@holdfast/kit/postgres';
import type { OnApplicationShutdown } from '@nestjs/common';
import { request } from 'undici';
import { config } from '../config.ts';
import { AuditAccount, KeycloakEvents } from './keycloak-events.ts';
import { OperatorCommands } from './operator-commands.ts';
import { SourceLoop } from './source-loop.ts';

const TIMEOUT_MS = 10_000;

/** What does not come by Kafka is asked for: Keycloak's own events, and what operators did. On connections of its own, as each loop keeps one for its lock. */
export class Sources implements OnApplicationShutdown {
  private readonly database: Database;
  private readonly loops: SourceLoop[];

  constructor(checks: HealthChecks) {
    const directory = config.secretsDirectory;
    this.database = new Database({ address: config.database, database: 'audit', user: 'audit', directory, connectionsMax: 7 });
    const agent = httpsAgent({ directory, timeout_ms: TIMEOUT_MS, connections: 2 });
    const account = new AuditAccount({
      keycloakUrl: config.keycloakUrl, directory,
      fetch: async (url, { method = 'GET', headers, body, signal }) => {
        try {
          const response = await request(url, { method: method as 'GET' | 'POST', headers: headers ?? {}, body: body ?? null, signal, dispatcher: agent });
          return { status: response.statusCode, text: await response.body.text() };
        } catch (cause) {
          // Without its code, by which it would pass for a lost database.
          throw new Error(`Keycloak cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
        }
      },
    });
    const sources = [
      new OperatorCommands(config.operatorLog),
      ...['holdfast', 'master'].flatMap((realm, index) => [new KeycloakEvents(realm, 'events', 2 + 2 * index, account), new KeycloakEvents(realm, 'admin-events', 3 + 2 * index, account)]),
    ];
    this.loops = sources.map((source) => new SourceLoop({ source, database: this.database, everyMs: config.sourcesEveryMs }));
    for (const loop of this.loops) loop.start();
    checks.observe('sources', () => this.loops.map((loop) => loop.trouble()).find((trouble) => trouble !== undefined));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop()));
    await this.database.close();
  }
}
