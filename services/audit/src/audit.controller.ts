import { Roles } from '@holdfast/kit/authentication';
import { Describe } from '@holdfast/kit/describe';
import { ParsedParams, ParsedQuery } from '@holdfast/kit/parsed';
import { Database } from '@holdfast/kit/postgres';
import { answersFrom, refuse } from '@holdfast/kit/problem';
import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Checkpoints, CheckpointsQuery, Entries, EntriesQuery, Entry, EntryParams, Verification, VerificationQuery, VERIFY_MAX } from './audit.schema.ts';
import { CheckpointPlace } from './checkpoints/checkpoint-file.ts';
import { readEntries, readEntry, readLastSequence, type EntryRow } from './log/log.store.ts';
import { verifyLog } from './log/verify-log.ts';

const answer = answersFrom<'entry_unknown' | 'range_malformed'>({
  entry_unknown: { status: 404, title: 'There is no such entry' },
  range_malformed: { status: 400, title: 'The range is empty, too long, or not within the log' },
});

@ApiTags('audit')
@Roles('auditor')
@Controller('v1/audit')
export class AuditController {
  constructor(private readonly database: Database, private readonly place: CheckpointPlace) {}

  @Get('entries')
  @Describe({ summary: 'Entries of the audit log, in order', query: EntriesQuery, responses: { 200: Entries } })
  async listEntries(@ParsedQuery(EntriesQuery) query: z.output<typeof EntriesQuery>): Promise<z.output<typeof Entries>> {
    const rows = await readEntries(this.database, { after: BigInt(query.after), limit: query.limit + 1, type: query.type, traceId: query.trace_id });
    const entries = rows.slice(0, query.limit).map(shown);
    return { entries, next_after: (rows.length > query.limit ? entries.at(-1)?.sequence : undefined) ?? null };
  }

  @Get('entries/:sequence')
  @Describe({ summary: 'One entry', params: EntryParams, responses: { 200: Entry } })
  async showEntry(@ParsedParams(EntryParams) { sequence }: z.output<typeof EntryParams>): Promise<Entry> {
    return shown(answer(await readEntry(this.database, BigInt(sequence)) ?? refuse('entry_unknown')));
  }

  @Get('checkpoints')
  @Describe({
    summary: 'Signed checkpoints of the log, in order: for whoever keeps them elsewhere', query: CheckpointsQuery, responses: { 200: Checkpoints },
  })
  async listCheckpoints(@ParsedQuery(CheckpointsQuery) query: z.output<typeof CheckpointsQuery>): Promise<z.output<typeof Checkpoints>> {
    const checkpoints: string[] = [];
    let place = 0;
    for await (const note of this.place.readNotes()) {
      place += 1;
      if (place <= query.after) continue;
      checkpoints.push(note);
      if (checkpoints.length === query.limit) break;
    }
    return { checkpoints, next_after: checkpoints.length === query.limit ? query.after + query.limit : null };
  }

  @Get('verification')
  @Describe({ summary: 'Compute the chain again and hold it against what is stored', query: VerificationQuery, responses: { 200: Verification } })
  async verify(@ParsedQuery(VerificationQuery) query: z.output<typeof VerificationQuery>): Promise<z.output<typeof Verification>> {
    const from = BigInt(query.from);
    const last = await readLastSequence(this.database);
    const to = query.to === undefined ? (last < from + VERIFY_MAX ? last : from + VERIFY_MAX - 1n) : BigInt(query.to);
    // An empty log is intact, and a range that ends just before it begins asks for nothing.
    if (from < 1n || to > last || to - from >= VERIFY_MAX || to < from - 1n) return answer(refuse('range_malformed', `the log ends at ${last}; at most ${VERIFY_MAX} entries a request`));
    const { verified, fault, hash } = await verifyLog(this.database, from, to);
    return {
      intact: fault === undefined, from: from.toString(), to: to.toString(), verified: verified.toString(), last: last.toString(),
      fault: fault ? { sequence: fault.sequence.toString(), fault: fault.fault } : null, hash: hash ?? null,
    };
  }
}

function shown(row: EntryRow): Entry {
  return {
    sequence: row.sequence.toString(), recorded_at: new Date(Number(row.recorded_at_ms)).toISOString(), topic: row.topic, epoch: row.epoch, shard: row.shard,
    event_sequence: row.event_sequence.toString(), type: row.type, trace_id: row.trace_id, event: row.event,
    previous_hash: row.previous_hash.toString('hex'), hash: row.hash.toString('hex'),
  };
}
