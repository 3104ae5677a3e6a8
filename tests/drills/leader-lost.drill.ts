import { LEADER_LOST } from '../kit/budgets.ts';
import type { Drill } from './drill.ts';

export const leaderLost: Drill = {
  page: 'leader-lost',
  budgetMs: LEADER_LOST,
  inEveryTest: true,
  variables: { CLUSTER: 'ledger0' },
  disaster: async ({ damage }) => {
    await damage.destroy(await damage.node('ledger0', 'leader'));
    return {};
  },
};
