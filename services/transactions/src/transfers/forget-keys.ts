import type { Shard } from '../shards/shard.ts';
import { deleteOldKeys } from './idempotency-keys.store.ts';

/** How long the answer to a key is kept. */
export const KEYS_KEPT_DAYS = 30;
const AT_ONCE = 2_000;
/** A sweep ends at some time even if keys come to be old faster than they go. */
const TURNS_MAX = 200;

/** Deletes the idempotency keys of a shard that are older than the promise, in small transactions, and returns how many. */
export async function forgetKeys(shard: Shard, keptDays = KEYS_KEPT_DAYS): Promise<number> {
  let total = 0;
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const deleted = await deleteOldKeys(shard, keptDays, AT_ONCE);
    total += deleted;
    if (deleted < AT_ONCE) break;
  }
  return total;
}
