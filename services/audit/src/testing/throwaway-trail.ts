import type { ReceivedEvent } from '@holdfast/kit/kafka';
import type { Database } from '@holdfast/kit/postgres';
import { ThrowawayPostgres } from '@holdfast/kit/testing/throwaway-postgres';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { CheckpointPlace } from '../checkpoints/checkpoint-file.ts';
import { Checkpointer } from '../checkpoints/checkpointer.ts';
import { Patrol } from '../checkpoints/patrol.ts';
import { signingKey, type SigningKey } from '../checkpoints/signing-key.ts';
import { appendEvents } from '../log/append-events.ts';
import type { Trail } from '../trail/write-export.ts';

const VERIFIER = fileURLToPath(new URL('../../../../platform/audit-verifier/verify-audit.mjs', import.meta.url));

/** As the verifier's `--json` says it. */
export interface Verified {
  verdict: 'intact' | 'broken';
  entries: number;
  hidden_entries: number;
  unsigned_entries: number;
  checkpoints_met: number;
  findings: { fault: string; where: string; why: string }[];
  restores: { by: string; why: string; gave_up: string | null }[];
}

/** For tests: a trail on a real Postgres, its checkpoints in two directories, and the stand-alone verifier as an auditor runs it. */
export class ThrowawayTrail {
  readonly postgres: ThrowawayPostgres;
  readonly database: Database;
  readonly key: SigningKey = signingKey(Buffer.alloc(32, 3).toString('base64url'));
  readonly directory: string;
  readonly place: CheckpointPlace;
  readonly secondPlace: CheckpointPlace;
  private sequence = 0;

  private constructor(postgres: ThrowawayPostgres, directory: string) {
    this.postgres = postgres;
    this.directory = directory;
    this.database = postgres.database({ database: 'audit', user: 'audit' });
    this.place = new CheckpointPlace(join(directory, 'first'));
    this.secondPlace = new CheckpointPlace(join(directory, 'second'));
  }

  static async start(options: { memory?: string } = {}): Promise<ThrowawayTrail> {
    const postgres = await ThrowawayPostgres.start({ ...options, database: 'audit', role: 'audit', migrations: fileURLToPath(new URL('../../migrations', import.meta.url)) });
    return new ThrowawayTrail(postgres, await mkdtemp(join(tmpdir(), 'holdfast-trail-')));
  }

  async stop(): Promise<void> {
    await this.postgres.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Made anew each time, as after a restart. */
  checkpointer(now?: () => number): Checkpointer {
    return new Checkpointer({ database: this.database, place: this.place, secondPlace: this.secondPlace, key: this.key, everyMs: 60_000, ...(now && { now }) });
  }

  patrol(): Patrol {
    return new Patrol({ database: this.database, place: this.place, key: this.key, everyMs: 60_000, rest: 0 });
  }

  async append(count: number): Promise<void> {
    const events = Array.from({ length: count }, (): ReceivedEvent => {
      this.sequence += 1;
      const event = {
        id: randomUUID(), type: 'user.updated', version: 1 as const, epoch: 1, shard: 0, sequence: String(this.sequence), occurred_at: '2026-01-01T00:00:00.123456Z',
        // A line separator that is none in JSON, and what looks like the end of a line of ours.
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, actor: 'test', data: { reference: `rent \u2028 ${this.sequence}\n"}` },
      };
      return { topic: 'users.events', partition: 0, offset: String(this.sequence), event, text: JSON.stringify(event) };
    });
    await appendEvents(this.database, events);
  }

  /** What an auditor does: takes an export (or what `work` writes) and verifies it with the stand-alone verifier, beside the copy of the second place if he has it. */
  async verified(options: { copy?: boolean; work: (trail: Trail) => Promise<unknown> }): Promise<Verified> {
    const file = join(this.directory, `${randomUUID()}.ndjson`);
    const target = createWriteStream(file);
    await options.work({ database: this.database, place: this.place, key: this.key, onProgress: () => undefined, write: async (text) => void target.write(text) });
    target.end();
    await finished(target);
    return this.verifiedFile(file, options.copy === true ? ['--checkpoints', this.secondPlace.path] : []);
  }

  verifiedFile(file: string, more: readonly string[] = []): Promise<Verified> {
    return new Promise((resolve, reject) => {
      execFile(process.execPath, [VERIFIER, file, '--key', this.key.text, '--json', ...more], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        const exitCode = error ? Number(error.code) : 0;
        if (exitCode > 1) return reject(new Error(stderr));
        const result = JSON.parse(stdout) as Verified;
        if ((result.verdict === 'intact') !== (exitCode === 0)) return reject(new Error(`exit status ${exitCode} with verdict ${result.verdict}`));
        resolve(result);
      });
    });
  }

  /** As a superuser who turned everything off that could be in his way. */
  superuser(statement: string): Promise<string> {
    return this.postgres.sql('postgres', `SET session_replication_role = replica; ${statement}`, 'audit');
  }

  /** Takes all constraints away, keeps the log as it is for `putBack`, and makes `rechain(entry)`: all hashes from there on computed as the code does it. */
  async layOpen(): Promise<void> {
    await this.superuser(`
      DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT conname FROM pg_constraint WHERE conrelid = 'audit_log'::regclass AND contype IN ('c', 'f', 'u', 'p') ORDER BY contype = 'f' DESC LOOP
          EXECUTE format('ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS %I CASCADE', one.conname);
        END LOOP;
      END $$;
      CREATE FUNCTION rechain(first bigint) RETURNS void LANGUAGE plpgsql AS $$
      DECLARE one record; previous bytea; BEGIN
        SELECT hash INTO previous FROM audit_log WHERE sequence = first - 1;
        FOR one IN SELECT ctid, * FROM audit_log WHERE sequence >= first ORDER BY sequence LOOP
          UPDATE audit_log SET previous_hash = previous, hash = sha256(convert_to('holdfast-audit-1' || E'\\n' || sequence || E'\\n' || encode(previous, 'hex') || E'\\n' || recorded_at_ms || E'\\n'
            || topic || E'\\n' || epoch || E'\\n' || shard || E'\\n' || event_sequence || E'\\n' || event, 'UTF8'))
           WHERE ctid = one.ctid RETURNING hash INTO previous;
        END LOOP;
      END $$;
      CREATE TABLE good AS SELECT ${COLUMNS} FROM audit_log;`);
  }

  async putBack(): Promise<void> {
    await this.superuser(`TRUNCATE audit_log; INSERT INTO audit_log (${COLUMNS}) SELECT ${COLUMNS} FROM good;`);
  }
}

const COLUMNS = 'sequence, previous_hash, hash, recorded_at_ms, topic, epoch, shard, event_sequence, event, event_id, occurred_at, type, trace_id';
