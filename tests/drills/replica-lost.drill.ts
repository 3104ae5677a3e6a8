import { REPLICA_LOST } from '../kit/budgets.ts';
import type { Drill } from './drill.ts';

/** Where a ledger has no replica it refuses writes: this one stops money on its shard until the page has been followed. */
export const replicaLost: Drill = {
  page: 'replica-lost',
  budgetMs: REPLICA_LOST,
  inEveryTest: true,
  variables: { CLUSTER: 'ledger1' },
  disaster: async ({ damage }) => {
    await damage.destroy(await damage.node('ledger1', 'replica'));
    return {};
  },
};
