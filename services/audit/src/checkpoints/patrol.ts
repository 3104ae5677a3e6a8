import { log } from '@holdfast/kit/logging';
import { gauge } from '@holdfast/kit/metrics';
import { underLock, type Connection } from '@holdfast/kit/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import { entryOf, readLinks } from '../log/log.store.ts';
import { Walk, type TrailFault } from '../tree/walk.ts';
import { readRow } from './checkpoint.ts';
import type { CheckpointPlace } from './checkpoint-file.ts';
import type { VerifyingKey } from './signing-key.ts';
import { broken } from './trail-metrics.ts';

/** Any number will do, as long as nobody else takes it in this database. */
const PATROL_LOCK = 4_706_103;
const PAGE = 500;
const RETRY_MS = 30_000;

const verifiedAt = gauge('audit_trail_verified_timestamp_seconds', 'When the whole trail was last found to be as it was signed; 0 if it has not been since this start');

export interface PatrolOptions {
  readonly database: { session<T>(work: (connection: Connection) => Promise<T>): Promise<T> };
  readonly place: CheckpointPlace;
  readonly key: VerifyingKey;
  readonly everyMs: number;
  /** After a page it rests as many times as long as the page took. */
  readonly rest: number;
}

/** Walks over the whole log again and again, so that a change of what was signed long ago is found without anybody asking. */
export class Patrol {
  private readonly options: PatrolOptions;
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(options: PatrolOptions) {
    this.options = options;
  }

  start(): void {
    verifiedAt.set(0);
    broken.set({ found_by: 'patrol' }, 0);
    this.running ??= this.runForEver();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async runForEver(): Promise<void> {
    const { signal } = this.stopping;
    let found: string | undefined;
    while (!signal.aborted) {
      let wait_ms = this.options.everyMs;
      try {
        const fault = await this.options.database.session((connection) => underLock(connection, [PATROL_LOCK], () => this.walk(connection)));
        // Undefined: another replica is at it.
        if (fault === 'intact') verifiedAt.set(Date.now() / 1_000);
        if (fault !== undefined) broken.set({ found_by: 'patrol' }, fault === 'intact' ? 0 : 1);
        if (typeof fault === 'object') {
          wait_ms = Math.min(wait_ms, RETRY_MS);
          if (found !== fault.why) log.error('the audit trail is not as it was signed', { 'holdfast.finding': fault.why, 'holdfast.fault': fault.fault });
          found = fault.why;
        }
      } catch (cause) {
        if (!signal.aborted) log.warn('the audit trail was not walked to its end; trying on', {}, cause);
        wait_ms = Math.min(wait_ms, RETRY_MS);
      }
      await sleep(wait_ms, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Once over the whole log. A restore that is authorised meanwhile makes another log of it: then it was no walk at all. */
  async walk(connection: Connection): Promise<'intact' | TrailFault | undefined> {
    const { place, key, rest } = this.options;
    const { holding, last } = await readRow(place.readNotes(), key);
    const walk = new Walk();
    for (;;) {
      const began = performance.now();
      const rows = await readLinks(connection, BigInt(walk.size), PAGE);
      const fault = walk.take(rows.map(entryOf), holding) ?? (rows.length === 0 ? walk.end(holding) : undefined);
      if (fault) return (await place.readLast(key))?.epoch === last?.epoch ? fault : undefined;
      if (rows.length === 0) return 'intact';
      await sleep((performance.now() - began) * rest, undefined, { signal: this.stopping.signal });
    }
  }
}
