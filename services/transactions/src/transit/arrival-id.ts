import type { TransferId } from '../accounts/account-id.ts';

/**
 * The id of the second half where it lands on the shard of the first, as the payee's bucket has moved there meanwhile: a transfer's id is unique
 * in its shard. The same transfer always gets the same one, so that a repeat finds what was done.
 */
export function arrivalIdOf(id: TransferId): TransferId {
  return (id.slice(0, -1) + (Number.parseInt(id.slice(-1), 16) ^ 1).toString(16)) as TransferId;
}
