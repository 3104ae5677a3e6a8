import { must } from '../../platform/cli/run.ts';
import { CAUGHT_UP, LOGS_STOPPED, MONEY_MOVES } from '../kit/budgets.ts';
import { within } from '../kit/within.ts';
import type { Drill, Scene } from './drill.ts';

/** Whose lines are counted: it writes one for each request. */
const WRITER = 'transactions';
/** That are written while nobody ships them. */
const LINES = 300;

let stoppedAt = '';
let startedAt = '';

export const logsStopped: Drill = {
  page: 'logs-stopped',
  budgetMs: LOGS_STOPPED,
  disaster: async ({ platform, say }) => {
    stoppedAt = new Date().toISOString();
    await platform.stop('logs');
    await within(MONEY_MOVES, 'lines that nobody ships', async () => ((await linesOf(platform, new Date().toISOString())) >= LINES ? true : undefined));
    startedAt = new Date().toISOString();
    say(`logs-stopped: ${await linesOf(platform, startedAt)} lines of ${WRITER} wait`);
    return {};
  },
  alsoEqual: async ({ platform }) => {
    const written = await linesOf(platform, startedAt);
    const { id } = await platform.container(WRITER);
    let shipped = 0;
    await within(CAUGHT_UP, 'all lines to be searchable', async () => {
      shipped = await platform.count('holdfast-logs', { query: { bool: { filter: [{ term: { 'container.id': id } }, { range: { '@timestamp': { gte: stoppedAt, lt: startedAt } } }] } } });
      return shipped === written ? true : undefined;
    }).catch(() => undefined);
    return shipped === written ? [] : [`${written} lines were written while the shipper stood, ${shipped} are searchable`];
  },
};

async function linesOf(platform: Scene['platform'], until: string): Promise<number> {
  const { id } = await platform.container(WRITER);
  const text = await must('sh', ['-c', 'docker logs --since "$1" --until "$2" "$3" 2>&1', 'sh', stoppedAt, until, id]);
  return text.split('\n').filter(Boolean).length;
}
