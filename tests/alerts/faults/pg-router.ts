import type { Platform } from '../../kit/platform.ts';
import { frozen, thawed, type Fault } from '../fault.ts';
import { cutOff, letGo } from '../cut-off.ts';
import { asSuperuser, replicaOf } from '../superuser.ts';

export const pgRouterFaults: readonly Fault[] = [
  {
    alert: 'PgRouterNoLeader', what: 'what pg-router sends to the nodes of ledger1 is lost', labels: { proxy: 'ledger1' },
    make: (platform) => cutOff(platform, 'pg-router', 'ledger1-a', 'ledger1-b'), undo: (platform) => letGo(platform, 'pg-router'), undoBefore: 'Check', touches: ['pg-router', 'ledger1', 'transactions'], always: true,
  },
  { alert: 'PostgresTwoLeaders', what: 'core is paused, and its replica promoted by hand', labels: { cluster: 'core' }, make: promoteByHand, undo: resume, tidy: reachesRepository, alone: true },
];

/**
 * While Patroni holds still, nobody keeps a node from being made a leader. Nothing that it writes may reach the repository: the archive of a timeline that never was
 * would be the latest one for whoever restores. Patroni, which looks every second, must not see the promotion halfway: it would take the node for a replica whose settings are
 * not right, and start it again.
 */
async function promoteByHand(platform: Platform): Promise<void> {
  const node = await replicaOf(platform, 'core');
  await cutOff(platform, node, 'pgbackrest');
  await patronictl(platform, node, 'pause');
  await frozen(node)(platform);
  try {
    await asSuperuser(platform, node, 'postgres', 'SELECT pg_promote(true)');
  } finally {
    await thawed(node)(platform);
  }
}

/** What it wrote goes when it is made anew, as its page says; until then nothing of it may reach the repository. */
async function resume(platform: Platform): Promise<void> {
  await patronictl(platform, 'core-a', 'resume');
}

async function reachesRepository(platform: Platform): Promise<void> {
  for (const node of ['core-a', 'core-b']) await letGo(platform, node);
}

async function patronictl(platform: Platform, node: string, word: string): Promise<void> {
  await platform.inside(node, 'patronictl', '-c', '/run/patroni/patroni.yml', word, '--wait');
}
