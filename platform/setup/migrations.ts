import { join } from 'node:path';
import pg from 'pg';
import { clustersOf, LEDGERS_AT_FIRST } from '../components.ts';
import { applyMigrations } from './apply-migrations.ts';
import { certificate } from './identity.ts';
import { SetupError } from './patience.ts';

/** As the transactions service is told of them: `host:port`, one a shard. */
const ledgers = process.env.LEDGER_SHARDS?.split(',').length ?? LEDGERS_AT_FIRST;
const clusters = clustersOf(ledgers);

const databases = [
  ...['users', 'reporting', 'audit'].map((service) => ({ cluster: 'core', database: service, service })),
  ...Array.from({ length: ledgers }, (_, shard) => ({ cluster: `ledger${shard}`, database: 'ledger', service: 'transactions' })),
];

/** Brings every database to the newest migration of its service. Forward only: see `applyMigrations`. */
export async function migrateAll(): Promise<string> {
  let applied = 0;
  for (const { cluster, database, service } of databases) {
    const { address, leaderPort } = clusters[cluster] ?? {};
    if (address === undefined || leaderPort === undefined) throw new SetupError(`there is no cluster ${cluster}`);
    // A copy: pg hides the key of the object that it is given, and Kafka's client would then connect without one.
    const client = new pg.Client({ host: address, port: leaderPort, database, user: 'setup', ssl: { ...certificate }, connectionTimeoutMillis: 10_000 });
    client.on('error', () => undefined); // A lost connection fails the query in hand, and so the step; without a listener it would end the process.
    await client.connect();
    try {
      const shard = cluster.startsWith('ledger') ? Number(cluster.slice('ledger'.length)) : 0;
      await client.query(`SELECT set_config('holdfast.shard', $1, false)`, [String(shard)]);
      const directory = join(import.meta.dirname, '../../services', service, 'migrations');
      applied += await applyMigrations(client, { directory, service, cluster, goingBack: process.env.SETUP_GOES_BACK === 'yes' });
    } finally {
      await client.end();
    }
  }
  return applied === 0 ? 'all databases are at their newest migration' : `${applied} migrations applied`;
}
