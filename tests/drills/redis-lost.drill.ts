import { REDIS_LOST } from '../kit/budgets.ts';
import type { Drill } from './drill.ts';

export const redisLost: Drill = {
  page: 'redis-lost',
  budgetMs: REDIS_LOST,
  inEveryTest: true,
  disaster: async ({ damage }) => {
    await damage.destroy('redis');
    return {};
  },
};
