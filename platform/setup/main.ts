import { setUpElasticsearch } from './elasticsearch.ts';
import { setUpKafka } from './kafka.ts';
import { setUpKeycloak } from './keycloak.ts';
import { setUpKibana } from './kibana.ts';
import { migrateAll } from './migrations.ts';
import { SetupError, withinBudget } from './patience.ts';

/**
 * The first-boot job, for compose and Helm alike: brings databases, topics, indices and the realm to the state that this
 * version declares. Idempotent: run again, it changes nothing; run on an older installation, it adds what is missing.
 * With the name of a step it does that one alone: "kibana" is for later, as Kibana starts last, and only where its image is to be had;
 * "postgres" is for before, while an earlier version still runs.
 */
const all: readonly [string, () => Promise<string>][] = [
  ['postgres', migrateAll],
  ['kafka', setUpKafka],
  ['elasticsearch', setUpElasticsearch],
  ['keycloak', setUpKeycloak],
  ['kibana', setUpKibana],
];
const only = process.argv[2];

for (const [name, step] of all.filter(([name]) => (only === undefined ? name !== 'kibana' : name === only))) {
  const began = Date.now();
  try {
    const result = await withinBudget(name, step);
    console.log(`${name}: ${result} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    console.error(`setup stopped at ${name}: ${error instanceof SetupError ? error.message : ((error as Error).stack ?? String(error))}`);
    process.exit(1);
  }
}
