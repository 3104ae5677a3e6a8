import { Command } from 'commander';
import { setTimeout as pause } from 'node:timers/promises';
import { clusterNamed, clustersIn, commandPatroni, nodesOf, type Cluster } from '../cluster/nodes.ts';
import { printedDisk, readDisk } from '../cluster/disk.ts';
import { acceptedForMs } from '../cluster/duration.ts';
import { printed } from '../cluster/print.ts';
import { readCluster, type ClusterState } from '../cluster/state.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { Progress } from '../progress.ts';
import { refuseUnfinishedRestore } from '../restore/undertaking.ts';

const EXIT_USAGE = 2;
const EXIT_NOT_RUNNING = 3;
/** From the repository or the leader at 200 MB/s, and then what was written meanwhile. */
const REBUILD_MS = 3_600_000;
const IN_FORCE_MS = 30_000;
const LOOK_MS = 500;

export function clusterCommand(): Command {
  const cluster = new Command('cluster').description('the Postgres clusters: who leads, who follows, and what to do about it');
  cluster
    .command('show')
    .description('leader, replica, how far it is behind, timeline and history, also where half of it is gone')
    .argument('[cluster]', 'core, ledger0, ledger1, … (default: all)')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 each has a leader and a replica in step, 1 something is wrong, 3 nothing runs.')
    .action(async (name: string | undefined, options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const states = await Promise.all((name === undefined ? clustersIn(instance) : [clusterNamed(name, instance)]).map((one) => readCluster(instance, one)));
      console.log(options.json ? JSON.stringify(name === undefined ? states : states[0], null, 2) : states.map(printed).join('\n\n'));
      process.exitCode = exitOf(states);
    });
  cluster
    .command('disk')
    .description('what takes the room of each node’s disk, and what of it may go; also where the node does not run')
    .argument('[cluster]', 'core, ledger0, ledger1, … (default: all)')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 there is room, 1 a disk is full, 3 there are no disks.')
    .action(async (name: string | undefined, options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const nodes = (name === undefined ? clustersIn(instance) : [clusterNamed(name, instance)]).flatMap((one) => one.nodes);
      const disks = (await Promise.all(nodes.map((node) => readDisk(instance, node)))).filter((disk) => disk !== undefined);
      console.log(options.json ? JSON.stringify(disks, null, 2) : disks.map(printedDisk).join('\n\n'));
      process.exitCode = disks.length === 0 ? EXIT_NOT_RUNNING : disks.some(({ is_full }) => is_full) ? 1 : 0;
    });
  cluster
    .command('accept-risk')
    .description('let a ledger go on with a single copy while it has no replica, for a time that ends by itself')
    .argument('<cluster>', 'ledger0, ledger1, …')
    .option('--for <time>', 'e.g. 30m, 4h, 2d; 7d at the most', '4h')
    .option('--reason <text>', 'why; it is kept in the audit trail and in the alert')
    .option('--end', 'end it now')
    .addHelpText('after', '\nWhile a replica is in step, commits wait for it all the same. What is lost if the single copy is: everything since the last archived WAL (30 s).\nExit status: 0 it is so, 1 it could not be done, 2 wrong arguments.')
    .action(async (name: string, options: { for: string; reason?: string; end?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const chosen = clusterNamed(name, instance);
      const duration_ms = acceptedForMs(options.for);
      const reason = options.reason?.trim() ?? '';
      if (!chosen.strict) throw new UserError(`${name} goes on with one copy by itself when its replica is lost: there is no risk to accept.`, [`Look:  ./holdfast cluster show ${name}`], EXIT_USAGE);
      if (!options.end && reason === '') throw new UserError('say why: the reason is shown to everybody until the risk ends.', [`./holdfast cluster accept-risk ${name} --for ${options.for} --reason "waiting for a disk"`], EXIT_USAGE);
      await exclusively(instance, 'cluster accept-risk', () => (options.end ? endRisk(instance, chosen) : acceptRisk(instance, chosen, duration_ms, reason)));
    });
  cluster
    .command('rebuild-replica')
    .description('throw the data of a cluster’s replica away and make it anew, from the repository or the leader')
    .argument('<cluster>', 'core, ledger0, ledger1, …')
    .addHelpText('after', '\nThe leader is not touched. Run again after an interruption; it begins anew.\nExit status: 0 it is in step again, 1 it is not.')
    .action(async (name: string, _options: object, command: Command) => {
      const instance = await Instance.existing(command);
      await exclusively(instance, 'cluster rebuild-replica', async () => {
        await refuseUnfinishedRestore(instance);
        await rebuildReplica(instance, clusterNamed(name, instance));
      });
    });
  return cluster;
}

function exitOf(states: readonly ClusterState[]): number {
  if (states.every(({ nodes }) => nodes.every(({ container }) => ['absent', 'stopped'].includes(container)))) return EXIT_NOT_RUNNING;
  return states.every(({ troubles }) => troubles.length === 0) ? 0 : 1;
}

async function acceptRisk(instance: Instance, cluster: Cluster, duration_ms: number, reason: string): Promise<void> {
  const since = new Date();
  const until = new Date(since.getTime() + duration_ms);
  // One change: there is no moment at which the ledger is no longer strict and nobody knows until when.
  await configure(instance, cluster, { synchronous_mode_strict: false, holdfast_accepted_risk: { since: since.toISOString(), until: until.toISOString(), reason } });
  const state = await untilTrue(instance, cluster, ({ needs_replica, accepted_risk }) => needs_replica === false && accepted_risk?.until === until.toISOString());
  console.log(`${cluster.name} may go on with a single copy until ${until.toISOString()}, then pg-guard ends it.\n`);
  console.log(printed(state));
  console.log(`\nEnd it before:  ./holdfast cluster accept-risk ${cluster.name} --end`);
}

async function endRisk(instance: Instance, cluster: Cluster): Promise<void> {
  await configure(instance, cluster, { synchronous_mode_strict: true, holdfast_accepted_risk: null });
  const state = await untilTrue(instance, cluster, ({ needs_replica, accepted_risk }) => needs_replica === true && accepted_risk === null);
  console.log(`${cluster.name} acknowledges no commit without a replica.\n`);
  console.log(printed(state));
}

/** Any node can write Patroni's configuration, which lives in etcd; a value of null takes the key out. */
async function configure(instance: Instance, cluster: Cluster, change: object): Promise<void> {
  const said: string[] = [];
  for (const node of await nodesOf(instance, cluster)) {
    const answer = await commandPatroni(node, 'PATCH', '/config', change, 10);
    if (answer?.status === 200) return;
    said.push(`${node.name}: ${answer ? `${answer.status} ${JSON.stringify(answer.body).slice(0, 200)}` : 'does not answer'}`);
  }
  throw new UserError(`the settings of ${cluster.name} could not be changed (${said.join('; ')}). Nothing was changed.`, [`Look:  ./holdfast cluster show ${cluster.name}`, 'Settings live in etcd:  ./holdfast logs etcd']);
}

async function untilTrue(instance: Instance, cluster: Cluster, holds: (state: ClusterState) => boolean): Promise<ClusterState> {
  const deadline = Date.now() + IN_FORCE_MS;
  for (;;) {
    const state = await readCluster(instance, cluster);
    if (holds(state)) return state;
    if (Date.now() > deadline) throw new UserError(`the change was written, and ${cluster.name} does not show it after ${IN_FORCE_MS / 1000} s.`, [`Look:  ./holdfast cluster show ${cluster.name}`]);
    await pause(LOOK_MS);
  }
}

async function rebuildReplica(instance: Instance, cluster: Cluster): Promise<void> {
  const before = await readCluster(instance, cluster);
  const { node: name, started } = before.nodes.find(({ node }) => node !== before.leader) ?? {};
  if (before.leader === null || name === undefined) throw new UserError(`${cluster.name} has no leader: a replica cannot be made of nothing.`, [`Look:  ./holdfast cluster show ${cluster.name}`]);
  await new Progress(1).step(`rebuilding ${name} from ${before.leader} and its backups`, async (say) => {
    // One that was removed comes back with an empty volume, which Patroni fills by itself.
    await instance.compose(['up', '-d', '--no-deps', '--no-build', '--no-recreate', name]);
    const deadline = Date.now() + REBUILD_MS;
    let asked = false;
    for (;;) {
      const node = (await nodesOf(instance, cluster)).find((one) => one.name === name);
      // It refuses while another task of its own is under way, such as the very rebuilding of an empty volume.
      if (!asked && node) asked = (await commandPatroni(node, 'POST', '/reinitialize', { force: true }, 30))?.status === 200;
      const state = await readCluster(instance, cluster);
      const replica = state.nodes.find((one) => one.node === name);
      if (asked && replica?.in_step === true && replica.started !== started) return;
      say(replica?.state ?? 'no container');
      if (Date.now() > deadline) throw new UserError(`${name} is not in step after ${REBUILD_MS / 60_000} minutes.`, [`Look:  ./holdfast logs ${name}`, `Again:  ./holdfast cluster rebuild-replica ${cluster.name}`]);
      await pause(LOOK_MS);
    }
  });
  console.log(printed(await readCluster(instance, cluster)));
}
