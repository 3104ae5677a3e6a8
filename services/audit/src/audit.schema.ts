import { z } from 'zod';

const Sequence = z.string().regex(/^(0|[1-9]\d{0,17})$/, { error: 'must be the sequence of an entry' });
const Hash = z.string().meta({ description: 'SHA-256, lower-case hexadecimal' });

export const EntriesQuery = z.object({
  after: Sequence.default('0').meta({ description: 'Entries after this one' }),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  type: z.string().max(100).optional().meta({ description: 'Only events of this type', example: 'transfer.posted' }),
  trace_id: z.string().regex(/^[0-9a-f]{32}$/, { error: 'must be 32 lower-case hexadecimal digits' }).optional(),
});

export const EntryParams = z.object({ sequence: Sequence });

export const Entry = z.object({
  sequence: z.string(),
  recorded_at: z.string(),
  topic: z.string(),
  epoch: z.number(),
  shard: z.number(),
  event_sequence: z.string(),
  type: z.string(),
  trace_id: z.string().nullable(),
  event: z.string().meta({ description: 'The event to the byte as it is kept and hashed: JSON as a text' }),
  previous_hash: Hash,
  hash: Hash,
}).meta({
  description: 'An entry. Its hash is SHA-256 of the lines "holdfast-audit-1", sequence, previous_hash, recorded_at (in milliseconds since 1970), topic, epoch, shard, event_sequence and event, '
    + 'parted by line feeds, with none at the end.',
});
export type Entry = z.output<typeof Entry>;

export const Entries = z.object({ entries: z.array(Entry), next_after: z.string().nullable() });

export const CheckpointsQuery = z.object({
  after: z.coerce.number().int().min(0).default(0).meta({ description: 'Checkpoints after so many' }),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export const Checkpoints = z.object({
  checkpoints: z.array(z.string().meta({ description: 'A signed note (C2SP tlog-checkpoint), as it is kept' })),
  next_after: z.number().nullable(),
});

/** What one request may ask to verify: about two seconds of work. */
export const VERIFY_MAX = 50_000n;

export const VerificationQuery = z.object({
  from: Sequence.default('1').meta({ description: 'First entry' }),
  to: Sequence.optional().meta({ description: `Last entry: at most ${VERIFY_MAX} in one request; without it, as far as that reaches` }),
});

export const Verification = z.object({
  intact: z.boolean(),
  from: z.string(),
  to: z.string(),
  verified: z.string().meta({ description: 'Entries found intact, from the first on' }),
  last: z.string().meta({ description: 'The last entry that the log has' }),
  fault: z.object({ sequence: z.string(), fault: z.enum(['missing', 'content_changed', 'not_chained']) }).nullable(),
  hash: Hash.nullable().meta({ description: 'Hash of the last entry of an intact range' }),
}).meta({ description: 'What was found when the chain was computed again' });
