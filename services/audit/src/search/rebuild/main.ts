import { Client } from '@elastic/elasticsearch';
import { configureLogging } from '@holdfast/kit/logging';
import { Database } from '@holdfast/kit/postgres';
import { readSecret, readTls } from '@holdfast/kit/tls';
import { config } from '../../config.ts';
import { readEntries, readLastSequence } from '../../log/log.store.ts';
import { rebuildSearch } from './rebuild-search.ts';

/** `holdfast rebuild search`, in a container of its own. Its result goes to standard output, one line of JSON; what it is at, to standard error. */
configureLogging({ service: 'audit', level: 'error', stream: process.stderr });
const directory = config.secretsDirectory;
const database = new Database({ address: config.database, database: 'audit', user: 'audit', directory, connectionsMax: 1, statementTimeoutMs: 60_000 });
const client = new Client({
  node: config.elasticsearch,
  auth: { username: 'audit', password: readSecret('elasticsearch-audit-password', directory) },
  tls: { ...readTls(directory), rejectUnauthorized: true },
  requestTimeout: 30_000,
  maxRetries: 2,
});
try {
  const result = await rebuildSearch({
    chain: { lastSequence: () => readLastSequence(database), entries: (after, limit) => readEntries(database, { after, limit }) },
    copy: {
      create: async (documents) => {
        const { items } = await client.bulk({ operations: documents.flatMap(({ index, id, document }) => [{ create: { _index: index, _id: id } }, document]) });
        const refused = items.find(({ create }) => create && create.status >= 300 && create.status !== 409)?.create;
        if (refused) throw new Error(`Elasticsearch refuses entry ${refused._id} (${refused.status}): ${refused.error?.reason ?? 'no reason given'}`);
        return items.filter(({ create }) => create?.status === 201).length;
      },
      read: async (places) => {
        const { docs } = await client.mget<object>({ docs: places.map(({ index, id }) => ({ _index: index, _id: id })) });
        return docs.map((one) => ('_source' in one ? one._source : undefined));
      },
    },
    say: (what) => void process.stderr.write(`${what}\n`),
  });
  process.stdout.write(`${JSON.stringify({ result })}\n`);
} catch (cause) {
  process.stdout.write(`${JSON.stringify({ failure: cause instanceof Error ? cause.message : String(cause) })}\n`);
  process.exitCode = 1;
} finally {
  await Promise.allSettled([database.close(), client.close()]);
}
