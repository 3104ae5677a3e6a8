import type { Instance } from '../instance.ts';
import { alertConcerns } from './alerts.ts';
import { auditConcerns } from './audit.ts';
import { backupConcerns } from './backups.ts';
import { certificateConcerns } from './certificates.ts';
import type { Concern, ConcernSource } from './concern.ts';
import { ledgerConcerns } from './ledger.ts';
import { recoveryKitConcerns } from './recovery-kit.ts';
import { upgradeConcerns } from './upgrade.ts';

/** What `status` tells beside the components, in this order. A new concern is a file here and an entry. */
const sources: readonly (readonly [string, ConcernSource])[] = [
  ['upgrade', upgradeConcerns],
  ['alerts', alertConcerns],
  ['ledger', ledgerConcerns],
  ['audit', auditConcerns],
  ['backups', backupConcerns],
  ['certificates', certificateConcerns],
  ['recovery kit', recoveryKitConcerns],
];

/** A source that cannot be asked is a concern itself, and keeps nobody else from speaking. */
export async function allConcerns(instance: Instance): Promise<Concern[]> {
  const told = await Promise.all(sources.map(([about, ask]) => ask(instance).catch((error: unknown): Concern[] => [{ about, says: `cannot be told: ${(error as Error).message}`, state: 'attention' }])));
  return told.flat();
}
