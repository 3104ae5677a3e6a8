import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { dueJobs, type Job } from '../due.ts';
import { Failures } from './failures.ts';
import { nameOf, perform, takenBy } from './jobs.ts';
import { log } from './log.ts';
import { LogSnapshots } from './log-snapshots.ts';
import { kitMetric } from './kit-metric.ts';
import { metricsText } from './metrics.ts';
import { observe, usedBytes, type Observation } from './observe.ts';
import { LOCKED, PgBackRestFailed } from './pgbackrest.ts';
import { proofMetrics } from './proof-metrics.ts';
import { readSettings, SECRETS } from './settings.ts';

/**
 * Looks what is there and what the schedule wants, and does what is missing, one job at a time; snapshots of log lines beside them. It remembers nothing that matters:
 * ended at any moment, it finds out anew.
 */
const PORT = 9108;
const LOOK_EVERY_MS = 30_000;
/** A new cluster gets its first backup as soon as it is there. */
const LOOK_FOR_NEW_EVERY_MS = 5_000;
const MEASURE_EVERY_MS = 600_000;

const failures = new Failures();
const logSnapshots = new LogSnapshots(failures);
const used = new Map<number, number>();
let last: Observation | undefined;
let working: Promise<void> | undefined;
let measuredAt = 0;

const read = (name: string): Buffer => readFileSync(join(SECRETS, name));
createServer({ ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key'), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }, (request, response) => {
  if (request.url !== '/metrics') response.writeHead(404).end();
  // Nothing was seen yet: a reader would take an empty answer for a platform without backups.
  else if (!last) response.writeHead(503).end();
  else response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metricsText(last, { failures: failures.counted, used, logSnapshots: logSnapshots.seen }) + kitMetric() + proofMetrics());
}).listen(PORT);

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));

for (;;) {
  const isNew = await look().catch((error: unknown) => {
    log('error', `the repositories cannot be looked at: ${(error as Error).message}`);
    // Figures of a while ago would pass for those of now.
    last = undefined;
    return false;
  });
  const rest = pause(isNew ? LOOK_FOR_NEW_EVERY_MS : LOOK_EVERY_MS);
  // After a job there may be another one.
  await Promise.race([rest, working ?? rest]);
}

/** Tells whether a cluster is without any backup. */
async function look(): Promise<boolean> {
  const settings = await readSettings();
  logSnapshots.look(settings.schedule.log_snapshot);
  const seen = await observe(settings);
  last = seen;
  if (Date.now() - measuredAt > MEASURE_EVERY_MS) await measure(seen);
  const jobs = dueJobs(settings.schedule, new Date(), settings.clusters, settings.repositories.map(({ key }) => key), seen.info, seen.verifications);
  const job = jobs.find((one) => failures.mayTry(one));
  if (job) working ??= work(job, seen).finally(() => { working = undefined; measuredAt = 0; });
  return jobs.some((one) => one.do === 'backup' && !seen.info.backups.some(({ cluster, repository }) => cluster === one.cluster && repository === one.repository));
}

async function work(job: Job, { settings, info }: Observation): Promise<void> {
  const began = Date.now();
  const fields = { 'event.action': job.do, 'holdfast.cluster': job.cluster, 'holdfast.repository': job.repository };
  try {
    const verification = await perform(job, settings, info);
    failures.succeeded(job);
    const took = `${((Date.now() - began) / 1000).toFixed(1)} s`;
    if (!verification) {
      const taken = await takenBy(job);
      log('info', `${nameOf(job)}: done in ${took}, ${taken?.label}, ${taken?.stored_bytes} bytes`, fields);
    } else if (verification.errors === 0) log('info', `${nameOf(job)}: all as it was written, in ${took}`, fields);
    else log('error', `${nameOf(job)}: ${verification.errors} files are missing or damaged; cannot be restored: ${verification.damaged.join(', ') || 'no backup'}. First: ${verification.findings.slice(0, 3).join('; ')}`, fields);
  } catch (error) {
    // By hand, or by a process that outlived its parent: it does what this one was to do.
    if (error instanceof PgBackRestFailed && error.exitCode === LOCKED) return log('info', `${nameOf(job)}: another backup of this cluster is being taken`, fields);
    const isNew = job.do === 'backup' && !info.known.has(`${job.repository} ${job.cluster}`);
    const again_ms = failures.failed(job, isNew);
    log(isNew ? 'info' : 'error', `${nameOf(job)}: ${isNew ? 'not ready yet' : 'failed'}, again in ${again_ms / 1000} s: ${(error as Error).message}`, fields);
  }
}

async function measure({ repositories }: Observation): Promise<void> {
  measuredAt = Date.now();
  for (const repository of repositories) {
    const bytes = await usedBytes(repository);
    if (bytes !== undefined) used.set(repository.key, bytes);
  }
}
