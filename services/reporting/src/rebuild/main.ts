import { topics } from '@holdfast/kit/events';
import { Kafka } from '@holdfast/kit/kafka';
import { configureLogging } from '@holdfast/kit/logging';
import { Database } from '@holdfast/kit/postgres';
import { config } from '../config.ts';
import { BooksOverPipes } from './books-over-pipes.ts';
import { Busy, Disagreement, rebuild } from './rebuild.ts';

/** Comparing two read models of millions of lines takes minutes. */
const STATEMENT_TIMEOUT_MS = 1_800_000;

/** `holdfast rebuild reporting`, in a container of its own. What it asks and its result go to standard output, a line of JSON each. */
configureLogging({ service: 'reporting', level: 'error', stream: process.stderr });
const open = (schema: string): Database => new Database({
  address: config.database, database: 'reporting', user: 'reporting', directory: config.secretsDirectory, connectionsMax: 4, statementTimeoutMs: STATEMENT_TIMEOUT_MS, schema,
});
const [live, fresh] = [open('public'), open('rebuild')];
const kafka = new Kafka({ service: 'reporting', brokers: config.kafkaBrokers, directory: config.secretsDirectory });
const books = new BooksOverPipes(process.stdin, process.stdout);
try {
  const result = await rebuild({
    live, fresh, topic: topics.ledger, books,
    replay: (apply) => kafka.subscribe({ topics: [topics.ledger], group: 'reporting-rebuild', apply, batchMax: 500, fromTheFirst: true }),
    say: (what) => void process.stderr.write(`${what}\n`),
  });
  await books.say({ result });
} catch (cause) {
  await books.say({ failure: cause instanceof Error ? cause.message : String(cause), kind: cause instanceof Busy ? 'busy' : cause instanceof Disagreement ? 'disagreement' : 'trouble' });
  process.exitCode = 1;
} finally {
  await kafka.close();
  await Promise.allSettled([live.close(), fresh.close()]);
  // It would wait for more answers.
  process.stdin.destroy();
}
