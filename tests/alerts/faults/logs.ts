import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';
import { processesNamed } from '../processes.ts';

export const logsFaults: readonly Fault[] = [
  { alert: 'LogsNotDelivered', what: 'rsyslog is frozen', labels: {}, touches: ['logs'], make: freezeShipper, scaled: { for: '15s', range: ['5m', '1m'] } },
  {
    alert: 'LogsTurnedAway', what: 'Elasticsearch does not know the shipper any more', labels: {}, touches: ['logs', 'elasticsearch'],
    make: async (platform) => { await platform.inside('elasticsearch', 'sh', '-c', 'sed -i "/^logs:/d" /run/elasticsearch/users'); }, scaled: { for: '15s', range: ['10m', '1m'] },
  },
];

/** The guard beside it goes on, and says that nothing comes. */
async function freezeShipper(platform: Platform): Promise<void> {
  const shippers = await processesNamed(platform, 'logs', 'rsyslogd');
  if (shippers.length === 0) throw new Error('no rsyslogd runs');
  for (const pid of shippers) process.kill(pid, 'SIGSTOP');
}
