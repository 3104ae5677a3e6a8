import { stopped, type Fault } from '../fault.ts';

export const postgresFaults: readonly Fault[] = [
  { alert: 'PostgresReplicaMissing', what: 'the replica of ledger1 is stopped', labels: { cluster: 'ledger1' }, make: async (platform) => platform.stop((await platform.leaderOf('ledger1')) === 'ledger1-a' ? 'ledger1-b' : 'ledger1-a') },
  { alert: 'PostgresLeaderMissing', what: 'both nodes of ledger1 are stopped', labels: { cluster: 'ledger1' }, make: async (platform) => { await platform.stop('ledger1-b'); await platform.stop('ledger1-a'); }, always: true },
  { alert: 'PostgresArchiveFails', what: 'the backup repository is stopped', labels: { cluster: 'ledger0' }, make: stopped('pgbackrest') },
];
