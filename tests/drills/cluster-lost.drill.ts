import { CLUSTER_LOST } from '../kit/budgets.ts';
import { auditLacks, trailIsBroken } from './audit-trail.ts';
import type { Drill } from './drill.ts';

/** Sign-in, reports and the audit trail. Of a ledger that is lost with both its nodes the last seconds are gone: that is `machine-lost`. */
const CLUSTER = 'core';

export const clusterLost: Drill = {
  page: 'cluster-lost',
  budgetMs: CLUSTER_LOST,
  variables: { CLUSTER },
  disaster: async ({ platform, damage }) => {
    for (const node of platform.instance.clusters[CLUSTER]?.nodes ?? []) await damage.destroy(node);
    return {};
  },
  alsoEqual: async ({ platform }) => [...await auditLacks(platform), ...await trailIsBroken(platform)],
};
