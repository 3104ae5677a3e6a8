import type { Instance } from '../instance.ts';
import { askTrailOnce } from './trail.ts';

export interface AuthorisedRestore {
  /** Entries that the restored trail has kept. */
  readonly kept: number;
  /** Entries that the new checkpoint covers. */
  readonly size: number;
  readonly epoch: number;
}

/**
 * Says in the trail, signed, that its database (`core`) was set back by a restore. To be called once the restored database answers, and before or after the audit
 * service runs again: until then it writes no checkpoint, as what it finds is not what was signed. Refused if what was kept is not as it was signed.
 */
export function authoriseAuditRestore(instance: Instance, record: { by: string; why: string; cluster?: string; target?: string }): Promise<AuthorisedRestore> {
  return askTrailOnce<AuthorisedRestore>(instance, ['authorise-restore', JSON.stringify(record)]);
}
