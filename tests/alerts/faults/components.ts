import { SCRAPED } from '../../kit/budgets.ts';
import type { Platform } from '../../kit/platform.ts';
import { within } from '../../kit/within.ts';
import { stopped, type Fault } from '../fault.ts';
import { insideNode } from '../inside-node.ts';

/** Of users' memory limit (its compose.yml). */
const USERS_LIMIT_BYTES = 160 * 1024 ** 2;

export const componentFaults: readonly Fault[] = [
  { alert: 'ComponentDown', what: 'Kafka is stopped', labels: { component: 'kafka' }, make: stopped('kafka'), touches: ['transactions', 'reporting', 'audit'], always: true },
  { alert: 'ServiceAbsent', what: 'the only container of reporting is removed', labels: { job: 'reporting' }, make: async (platform) => { await platform.instance.compose(['rm', '--stop', '--force', 'reporting']); } },
  { alert: 'SupportDown', what: 'node-exporter is stopped', labels: { component: 'node-exporter' }, make: stopped('node-exporter'), scaled: { for: '15s' } },
  { alert: 'RestartLoop', what: 'users is killed four times', labels: { component: 'users' }, make: killFourTimes, scaled: { range: ['15m', '3m'] } },
  {
    alert: 'MemoryNearLimit', what: 'users fills 82 % of its memory limit', labels: { component: 'users' },
    make: (platform) => insideNode(platform, 'users', fillMemory(Math.round(0.82 * USERS_LIMIT_BYTES))), scaled: { for: '15s', number: ['0.92', '0.75'] },
  },
  {
    alert: 'JvmHeapFull', what: 'nothing is broken: the threshold is a heap of which 1 % is in use, and any collection of it', labels: { component: 'kafka' }, touches: ['transactions', 'reporting', 'audit'],
    scaled: { for: '15s', number: [['0.95', '0.01'], ['0.1', '0.000001']] },
  },
];

/** Docker starts it again each time; a start that Prometheus did not see would not count. */
async function killFourTimes(platform: Platform): Promise<void> {
  const started = async (): Promise<number> => Math.max(0, ...(await platform.prometheus('process_start_time_seconds{component="users"}')).map(({ value }) => value));
  for (let time = 0; time < 4; time++) {
    const before = await started();
    await platform.kill(await platform.container('users'));
    await within(2 * SCRAPED, 'Prometheus to see users start again', async () => ((await started()) > before ? true : undefined));
  }
}

/** Memory of the process's own, which the kernel cannot take back. */
function fillMemory(bytes: number): string {
  return `(() => {
    const { readFileSync } = process.getBuiltinModule('node:fs');
    const own = () => 1024 * Number(/RssAnon:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    globalThis.ballast = [];
    while (own() < ${bytes}) globalThis.ballast.push(Buffer.alloc(1024 * 1024, 1));
    return own();
  })()`;
}
