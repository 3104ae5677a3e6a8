import { configureLogging } from '@holdfast/kit/logging';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { verifyExport } from '../../platform/audit-verifier/verify-audit.mjs';
import { ThrowawayTrail } from '../../services/audit/src/testing/throwaway-trail.ts';
import { writeExport } from '../../services/audit/src/trail/write-export.ts';

/** How fast the audit trail takes events in, is exported, and is verified. On a Postgres of its own, in memory, without a replica: what the programs themselves take. */
const { values } = parseArgs({ options: { events: { type: 'string', default: '1000000' }, batch: { type: 'string', default: '200' }, help: { type: 'boolean', default: false } } });
if (values.help) {
  console.log('npm run bench:audit -- [--events 1000000] [--batch 200]   how many events, and how many Kafka hands over at a time');
  process.exit(0);
}
const events = Number(values.events);
const batch = Number(values.batch);
/** A checkpoint a minute at 500 events/s. */
const EVENTS_A_CHECKPOINT = 30_000;

const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
configureLogging({ service: 'audit', level: 'info', stream: nothing });
let cpu_before = process.cpuUsage();
/** With the processor time that this process took since the line before: a busy machine makes everything late, and takes nothing from that. */
const say = (text: string): void => {
  const { user, system } = process.cpuUsage(cpu_before);
  cpu_before = process.cpuUsage();
  console.log(`${text} (${((user + system) / 1e6).toFixed(1)} s of processor time here; load ${loadavg()[0]?.toFixed(1)})`);
};
const seconds = (since: number): number => (performance.now() - since) / 1_000;

const trail = await ThrowawayTrail.start({ memory: '2g' });
const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-audit-'));
try {
  const checkpointer = trail.checkpointer();
  let appending_s = 0;
  let signing_s = 0;
  for (let done = 0; done < events; done += EVENTS_A_CHECKPOINT) {
    const began = performance.now();
    for (let at = 0; at < Math.min(EVENTS_A_CHECKPOINT, events - done); at += batch) await trail.append(Math.min(batch, events - done - at));
    appending_s += seconds(began);
    const signing = performance.now();
    await checkpointer.write();
    signing_s += seconds(signing);
  }
  say(`appended: ${events} events in batches of ${batch}, ${Math.round(events / appending_s)} events/s`);
  say(`checkpoints: ${(signing_s / Math.ceil(events / EVENTS_A_CHECKPOINT) * 1_000).toFixed(0)} ms for each ${EVENTS_A_CHECKPOINT} new entries`);

  const file = join(directory, 'trail.ndjson');
  const exporting = performance.now();
  const target = createWriteStream(file);
  await writeExport({
    database: trail.database, place: trail.place, key: trail.key, onProgress: () => undefined,
    write: (text) => (target.write(text) ? Promise.resolve() : new Promise((resolve) => target.once('drain', resolve))),
  }, {});
  target.end();
  await finished(target);
  say(`exported: ${seconds(exporting).toFixed(1)} s`);

  const verifying = performance.now();
  const { verdict, entries, checkpoints_met } = await verifyExport(createReadStream(file), { keys: [trail.key.text] });
  say(`verified: ${entries} entries against ${checkpoints_met} checkpoints, ${verdict}, ${seconds(verifying).toFixed(1)} s`);

  const walking = performance.now();
  const walked = await trail.database.session((connection) => trail.patrol().walk(connection));
  say(`walked over by the service: ${JSON.stringify(walked)}, ${seconds(walking).toFixed(1)} s`);
} finally {
  rmSync(directory, { recursive: true, force: true });
  await trail.stop();
}
