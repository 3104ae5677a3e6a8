import { configureLogging } from '@holdfast/kit/logging';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { verifyExport } from '../../platform/audit-verifier/verify-audit.mjs';
import { ThrowawayTrail } from '../../services/audit/src/testing/throwaway-trail.ts';
import { writeExport } from '../../services/audit/src/trail/write-export.ts';
import { measureSearchable } from './audit-searchable.ts';
import { circumstances, heading, load, saveResults, type Circumstances } from './save-results.ts';

/**
 * How fast the audit trail takes events in, is exported, and is verified: on a Postgres of its own, in memory, without a replica, so what the programs themselves take.
 * With --instance also how soon after a transfer its entry is found by a search, on that platform.
 */
const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' }, batch: { type: 'string', default: '200' }, instance: { type: 'string' }, rate: { type: 'string', default: '500' }, seconds: { type: 'string', default: '60' },
    only: { type: 'string' }, help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench:audit -- [--events 1000000] [--batch 200] [--instance NAME [--rate 500] [--seconds 60]] [--only trail|searchable]
  --events, --batch   how many, and how many Kafka hands over at a time
  --instance          a platform that runs: transfers there, --rate a second for --seconds
Results: tests/bench/results/`);
  process.exit(0);
}
const events = Number(values.events);
const batch = Number(values.batch);
/** A checkpoint a minute at 500 events/s. */
const EVENTS_A_CHECKPOINT = 30_000;

interface Step {
  readonly what: string;
  readonly measured: string;
  /** What is asked of it, and whether it holds; some steps are only told. */
  readonly wanted?: string;
  readonly holds?: boolean;
  readonly cpu_s: number;
  readonly load: number;
}

const found = circumstances('bench:audit');
const steps: Step[] = [];
let cpu_before = process.cpuUsage();
/** With the processor time that this process took since the step before: a busy machine makes everything late, and takes nothing from that. */
const say = (what: string, measured: string, wanted?: string, holds?: boolean): void => {
  const { user, system } = process.cpuUsage(cpu_before);
  cpu_before = process.cpuUsage();
  const step = { what, measured, ...(wanted !== undefined && { wanted }), ...(holds !== undefined && { holds }), cpu_s: Number(((user + system) / 1e6).toFixed(1)), load: load() };
  steps.push(step);
  console.error(`${what}: ${measured} (${step.cpu_s} s of processor time here; load ${step.load})`);
};
const seconds = (since: number): number => (performance.now() - since) / 1_000;

if (values.only !== 'searchable') await measureTrail();
if (values.instance !== undefined && values.only !== 'trail') {
  const { eventsPerSecond, events: count, p50_ms, p99_ms, most_ms } = await measureSearchable(values.instance, Number(values.rate), Number(values.seconds));
  const told = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(2)} s`;
  say(`from a transfer to its entry being found, ${Math.round(eventsPerSecond)} events/s`, `p50 ${told(p50_ms)}, p99 ${told(p99_ms)}, most ${told(most_ms)}, of ${count}`, 'p99 at most 5 s at 500 events/s', p99_ms <= 5_000 && eventsPerSecond >= 0.95 * Number(values.rate));
}
console.error(`saved: ${saveResults('audit', { ...found, steps } as Results, markdown())}`);
console.log(markdown());

interface Results extends Circumstances {
  readonly steps: readonly Step[];
}

function markdown(): string {
  return [
    ...heading('The audit trail', found),
    'Processor time is that of the process that measures, which runs the code of the service and of the verifier: a busy machine makes everything late, and takes nothing from that.', '',
    '| what | measured | wanted | holds | processor time | load average |', '|---|---|---|---|---|---|',
    ...steps.map(({ what, measured, wanted, holds, cpu_s, load: average }) => `| ${what} | ${measured} | ${wanted ?? ''} | ${holds === undefined ? '' : holds ? 'yes' : 'NO'} | ${cpu_s} s | ${average} |`), '',
  ].join('\n');
}

async function measureTrail(): Promise<void> {
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  configureLogging({ service: 'audit', level: 'info', stream: nothing });
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
    say(`events appended, in batches of ${batch}`, `${events}, ${Math.round(events / appending_s)} events/s`, 'at least 5,000 events/s', events / appending_s >= 5_000);
    say(`a checkpoint of ${EVENTS_A_CHECKPOINT} new entries`, `${((signing_s / Math.ceil(events / EVENTS_A_CHECKPOINT)) * 1_000).toFixed(0)} ms`);

    const file = join(directory, 'trail.ndjson');
    const exporting = performance.now();
    const target = createWriteStream(file);
    await writeExport({
      database: trail.database, place: trail.place, key: trail.key, onProgress: () => undefined,
      write: (text) => (target.write(text) ? Promise.resolve() : new Promise((resolve) => target.once('drain', resolve))),
    }, {});
    target.end();
    await finished(target);
    say('exported', `${seconds(exporting).toFixed(1)} s`);

    const verifying = performance.now();
    const { verdict, entries, checkpoints_met } = await verifyExport(createReadStream(file), { keys: [trail.key.text] });
    const verified_s = seconds(verifying);
    say('verified, by the stand-alone verifier', `${entries} entries against ${checkpoints_met} checkpoints, ${verdict}, ${verified_s.toFixed(1)} s`, '1 M events in at most 60 s', verdict === 'intact' && (verified_s / entries) * 1e6 <= 60);

    const walking = performance.now();
    const walked = await trail.database.session((connection) => trail.patrol().walk(connection));
    say('walked over by the service', `${seconds(walking).toFixed(1)} s, ${JSON.stringify(walked)}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
    await trail.stop();
  }
}
