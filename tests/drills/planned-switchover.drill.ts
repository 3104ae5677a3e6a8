import { SWITCHED_OVER } from '../kit/budgets.ts';
import type { Drill } from './drill.ts';

const CLUSTER = 'ledger0';

let ledBefore = '';

/** Nothing is broken: the node that leads is wanted for something else, while money moves. */
export const plannedSwitchover: Drill = {
  page: 'planned-switchover',
  budgetMs: SWITCHED_OVER,
  inEveryTest: true,
  variables: { CLUSTER },
  disaster: async ({ platform }) => {
    ledBefore = await platform.leaderOf(CLUSTER);
    return {};
  },
  alsoEqual: async ({ platform }) => ((await platform.leaderOf(CLUSTER)) === ledBefore ? [`${ledBefore} leads still`] : []),
};
