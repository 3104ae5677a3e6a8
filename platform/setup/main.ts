import { setUpElasticsearch } from './elasticsearch.ts';
import { setUpKafka } from './kafka.ts';
import { setUpKeycloak } from './keycloak.ts';
import { setUpKibana } from './kibana.ts';
import { migrateAll } from './migrations.ts';
import { SetupError, withinBudget } from './patience.ts';

/**
 * The first-boot job, for compose and Helm alike: brings databases, topics, indices and the realm to the state that this
 * version declares. Idempotent: run again, it changes nothing; run on an older installation, it adds what is missing.
 * With the argument "kibana" it does that step alone, which is for later: Kibana starts last, and only where its image is to be had.
 */
const steps: readonly [string, () => Promise<string>][] = process.argv[2] === 'kibana'
  ? [['kibana', setUpKibana]]
  : [
    ['postgres', migrateAll],
    ['kafka', setUpKafka],
    ['elasticsearch', setUpElasticsearch],
    ['keycloak', setUpKeycloak],
  ];

for (const [name, step] of steps) {
  const began = Date.now();
  try {
    const result = await withinBudget(name, step);
    console.log(`${name}: ${result} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    console.error(`setup stopped at ${name}: ${error instanceof SetupError ? error.message : ((error as Error).stack ?? String(error))}`);
    process.exit(1);
  }
}
