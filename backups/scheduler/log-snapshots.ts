import { isSnapshotDue, snapshotName, snapshotsToDelete, type LogSnapshot } from '../log-snapshots.ts';
import type { Slot } from '../schedule.ts';
import { address, deleteSnapshot, ElasticsearchRefused, listSnapshots, logIndices, takeSnapshot, type Address } from './elasticsearch.ts';
import type { Failures, Tried } from './failures.ts';
import { log } from './log.ts';

/** As failures are counted by. */
const JOB: Tried = { do: 'log_snapshot', cluster: 'elasticsearch', repository: 1 };
const FIELDS = { 'event.action': JOB.do };

/** Takes one now, and deletes what is too much then. */
export async function takeAndTidy(at: Address, keptDays: number): Promise<{ taken: LogSnapshot; deleted: LogSnapshot[] }> {
  // It would be empty, and pass for a good one.
  if ((await logIndices(at)).length === 0) throw new Error('Elasticsearch has no log line to take');
  const taken = await takeSnapshot(at, snapshotName(new Date()));
  const deleted = snapshotsToDelete(await listSnapshots(at), keptDays, new Date());
  for (const { name } of deleted) await deleteSnapshot(at, name);
  return { taken, deleted };
}

/** After so many days Elasticsearch deletes log lines; it refuses to start with what is no number, with which nothing would be deleted here. */
export function keptDays(): number {
  return Number(process.env['LOGS_KEPT_DAYS']);
}

/**
 * The snapshots of log lines, beside the backups: neither waits for the other, as they share nothing. What is due follows from what the repository holds, at each look;
 * an Elasticsearch that is away is asked again, later each time.
 */
export class LogSnapshots {
  /** At the last look that succeeded; what was taken stays taken while Elasticsearch is away. */
  seen: LogSnapshot[] | undefined;
  private readonly failures: Failures;
  private working: Promise<void> | undefined;

  constructor(failures: Failures) {
    this.failures = failures;
  }

  /** Returns at once. */
  look(slot: Slot): void {
    if (this.failures.mayTry(JOB)) this.working ??= this.work(slot).finally(() => { this.working = undefined; });
  }

  private async work(slot: Slot): Promise<void> {
    try {
      const at = address();
      this.seen = await listSnapshots(at);
      if (isSnapshotDue(slot, this.seen, await logIndices(at), new Date())) {
        const began = Date.now();
        const { taken, deleted } = await takeAndTidy(at, keptDays());
        log('info', `snapshot of log lines: done in ${((Date.now() - began) / 1000).toFixed(1)} s, ${taken.name}, days: ${taken.indices.length}, old ones deleted: ${deleted.length}`, FIELDS);
        this.seen = await listSnapshots(at);
      }
      this.failures.succeeded(JOB);
    } catch (error) {
      // Both were started a moment ago, or the setup job has yet to say where snapshots are kept.
      const isNew = error instanceof ElasticsearchRefused ? error.type === 'repository_missing_exception' : this.seen === undefined;
      const again_ms = this.failures.failed(JOB, isNew);
      log(isNew ? 'info' : 'error', `snapshot of log lines: ${isNew ? 'not ready yet' : 'failed'}, again in ${again_ms / 1000} s: ${(error as Error).message}`, FIELDS);
    }
  }
}
