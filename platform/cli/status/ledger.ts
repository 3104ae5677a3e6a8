import { queryMetrics } from '../monitoring.ts';
import type { Instance } from '../instance.ts';
import type { Concern } from './concern.ts';

const HOUR_S = 3_600;

/** When the ledger was last recomputed from its entries, and what was found. */
export async function ledgerConcerns(instance: Instance): Promise<Concern[]> {
  const [passed] = await queryMetrics(instance, 'max(ledger_verify_last_success_timestamp_seconds)');
  const [findings] = await queryMetrics(instance, 'sum(max by (check) (ledger_verify_findings))');
  if (findings && findings.value > 0) return [{ about: 'last ledger verify', says: `${findings.value} findings`, state: 'trouble', next: './holdfast ledger verify' }];
  if (!passed || passed.value === 0) return [{ about: 'last ledger verify', says: 'never yet', state: 'attention', next: './holdfast ledger verify' }];
  const hours = (Date.now() / 1000 - passed.value) / HOUR_S;
  return [{ about: 'last ledger verify', says: `passed ${hours < 1 ? `${Math.round(hours * 60)} min` : `${Math.round(hours)} h`} ago`, state: hours > 26 ? 'attention' : 'good', ...(hours > 26 && { next: './holdfast ledger verify' }) }];
}
