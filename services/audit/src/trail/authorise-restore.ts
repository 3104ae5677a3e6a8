import type { Database } from '@holdfast/kit/postgres';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Checkpoint } from '../checkpoints/checkpoint.ts';
import type { Checkpointer } from '../checkpoints/checkpointer.ts';
import { appendOccurrences } from '../log/append-events.ts';

/** No character that could part lines, for whoever reads checkpoints line by line. */
const Sentence = z.string().trim().min(1).max(500).transform((text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' '));

export const RestoreAuthorisation = z.object({ by: Sentence, why: Sentence, cluster: Sentence.default('core'), target: Sentence.optional() });

/**
 * Says, signed, that the log was set back by a restore: an entry that tells of it, and a checkpoint that releases the log from those of what was given up.
 * What was kept must still agree with every checkpoint of it; else nothing is signed.
 */
export async function authoriseRestore(database: Database, checkpointer: Checkpointer, authorisation: z.output<typeof RestoreAuthorisation>): Promise<Checkpoint> {
  const { by, why, cluster, target } = authorisation;
  const checkpoint = await checkpointer.write({
    by, why,
    beforeSigning: () => database.transaction((connection) => appendOccurrences(connection, 'operator.commands', [{
      id: randomUUID(), type: 'trail.restored', occurredAt_ms: Date.now(), actor: by, data: { why, cluster, target: target ?? null, outcome: 'success' },
    }])),
  });
  if (!checkpoint) throw new Error('another checkpoint is being written: try again');
  return checkpoint;
}
