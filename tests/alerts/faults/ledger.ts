import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';

export const ledgerFaults: readonly Fault[] = [
  { alert: 'LedgerFindings', what: 'a balance is changed past the service', labels: {}, make: (platform) => changeBalance(platform, 1), undo: (platform) => changeBalance(platform, -1) },
];

/** Written by a superuser, as no service can: the balance of the cash account, without an entry. */
async function changeBalance(platform: Platform, minor: number): Promise<void> {
  const leader = await platform.leaderOf('ledger0');
  await platform.inside(leader, 'psql', '-X', '-q', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'ledger', '-c',
    `SET session_replication_role = replica; UPDATE accounts SET balance_minor = balance_minor + (${minor}) WHERE id = (SELECT min(id::text)::uuid FROM accounts)`);
}
