import { readSecret } from '@holdfast/kit/tls';
import { config } from '../config.ts';
import { CheckpointPlace } from './checkpoint-file.ts';
import { Checkpointer, type CheckpointerOptions } from './checkpointer.ts';
import { signingKey } from './signing-key.ts';

/** As this installation is configured: the service and its programs sign with the same key, in the same places. */
export function openCheckpointer(database: CheckpointerOptions['database']): { checkpointer: Checkpointer; place: CheckpointPlace; key: ReturnType<typeof signingKey> } {
  const key = signingKey(readSecret('audit-signing-key', config.secretsDirectory));
  const place = new CheckpointPlace(config.checkpoints);
  const secondPlace = config.secondPlace === 'configured' ? new CheckpointPlace(config.secondCheckpoints) : undefined;
  return { key, place, checkpointer: new Checkpointer({ database, place, secondPlace, key, everyMs: config.checkpointEveryMs }) };
}
