import { configureLogging } from '@holdfast/kit/logging';
import { Database } from '@holdfast/kit/postgres';
import { once } from 'node:events';
import { openCheckpointer } from '../checkpoints/open-checkpointer.ts';
import { config } from '../config.ts';
import { findEntry } from '../log/log.store.ts';
import { authoriseRestore, RestoreAuthorisation } from './authorise-restore.ts';
import { CannotExport, writeExport, writeProof, type Trail } from './write-export.ts';

/**
 * What `holdfast audit …` asks of the trail, in a container of its own: it needs the database and the checkpoints, and no service that runs.
 * The answer goes to standard output, progress and faults to standard error. Exit status 4: it cannot be done, and the last line says why.
 */
configureLogging({ service: 'audit', level: 'warn', stream: process.stderr });
const EXIT_CANNOT = 4;
const LONG_MS = 600_000;

const database = new Database({ address: config.database, database: 'audit', user: 'audit', directory: config.secretsDirectory, connectionsMax: 4, statementTimeoutMs: LONG_MS });
const { checkpointer, place, key } = openCheckpointer(database);
const [verb, ...words] = process.argv.slice(2);
const trail: Trail = {
  database, place, key,
  write: async (text) => {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
  },
  onProgress: (entries) => {
    if (entries % 100_000 === 0) process.stderr.write(`${entries} entries\n`);
  },
};

try {
  if (verb === 'export') await writeExport(trail, { from: words[0] === '' ? undefined : words[0], to: words[1] === '' ? undefined : words[1] });
  else if (verb === 'prove') await writeProof(trail, wantedOf(words[0]));
  else if (verb === 'show') await show(wantedOf(words[0]));
  else if (verb === 'authorise-restore') {
    const { size, epoch, restore } = await authoriseRestore(database, checkpointer, RestoreAuthorisation.parse(JSON.parse(words[0] ?? '{}')));
    await trail.write(`${JSON.stringify({ size, epoch, kept: restore?.kept })}\n`);
  } else throw new CannotExport('export [FROM TO], prove EVENT, show EVENT, or authorise-restore JSON');
} catch (cause) {
  if (!(cause instanceof CannotExport)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  process.exitCode = EXIT_CANNOT;
} finally {
  await database.close();
}

function wantedOf(word: string | undefined): string {
  if (word === undefined || !/^(\d{1,18}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$/.test(word)) throw new CannotExport(`"${word ?? ''}" is neither the id of an event nor the number of an entry`);
  return word;
}

async function show(wanted: string): Promise<void> {
  const entry = await findEntry(database, wanted);
  if (!entry) throw new CannotExport(`there is no event and no entry ${wanted}`);
  const { sequence, hash, previous_hash, recorded_at_ms, topic, event } = entry;
  await trail.write(`${JSON.stringify({
    sequence: sequence.toString(), recorded_at: new Date(Number(recorded_at_ms)).toISOString(), topic, hash: hash.toString('hex'), previous_hash: previous_hash.toString('hex'), event: JSON.parse(event) as unknown,
  })}\n`);
}
