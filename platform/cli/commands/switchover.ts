import { Command } from 'commander';
import { setTimeout as pause } from 'node:timers/promises';
import { startProbe } from '../cluster/gap.ts';
import { clusterNamed, commandPatroni, nodesOf, readPatroni, type Cluster, type Node, type PatroniAnswer } from '../cluster/nodes.ts';
import { printed } from '../cluster/print.ts';
import { readCluster, type ClusterState } from '../cluster/state.ts';
import { containersOf } from '../containers.ts';
import { dockerApi } from '../docker-api.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';

/** More than it should ever take; Patroni gives up after 20 s. */
const SWITCHED_MS = 60_000;
/** Each look is a program that Docker starts in a node, on the cores that the nodes need: none while it cannot have happened yet. */
const FIRST_LOOK_MS = 1_500;
const LOOK_MS = 400;
/** What a replica may be behind: it would have to catch up while nobody can write. */
const BEHIND_BYTES_MAX = 16 * 1024 ** 2;

export function switchoverCommand(): Command {
  return new Command('switchover')
    .description('let the replica of a Postgres cluster lead, planned: nothing is lost, writes pause for a moment')
    .argument('<cluster>', 'core, ledger0, ledger1, …')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 the replica leads and the old leader follows it, 1 not done or not whole (the message says what).')
    .action(async (name: string, options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const cluster = clusterNamed(name, instance);
      const result = await exclusively(instance, 'switchover', () => switchOver(instance, cluster));
      if (options.json) console.log(JSON.stringify(result, null, 2));
      else console.log(`${cluster.name}: ${result.to} leads instead of ${result.from}. ${result.gap_ms === null ? 'The write gap could not be measured' : `Write gap ${(result.gap_ms / 1000).toFixed(1)} s`}.\n\n${printed(result.state)}`);
    });
}

interface Switched {
  readonly from: string;
  readonly to: string;
  /** The longest time without an acknowledged commit, through pg-router. */
  readonly gap_ms: number | null;
  readonly state: ClusterState;
}

async function switchOver(instance: Instance, cluster: Cluster): Promise<Switched> {
  const [before, nodes, router] = await Promise.all([readCluster(instance, cluster), nodesOf(instance, cluster), routerAddress(instance)]);
  const candidate = candidateOf(before);
  const [from, to] = [before.leader, candidate].map((name) => nodes.find((node) => node.name === name));
  if (!from || !to) throw new UserError(`${cluster.name} has changed meanwhile. Nothing was done.`, [`Look:  ./holdfast cluster show ${cluster.name}`]);
  const probe = router === undefined ? undefined : startProbe(to, cluster, router);
  try {
    // Patroni answers a second after it is done, or when it has given up: what has become of it is seen sooner by looking.
    const asked = commandPatroni(from, 'POST', '/switchover', { leader: from.name, candidate: to.name }, 30);
    const state = await untilSwitched(instance, cluster, to, asked);
    return { from: from.name, to: to.name, gap_ms: (await probe?.end()) ?? null, state };
  } catch (error) {
    await probe?.end();
    throw error;
  }
}

/** The replica that can lead without loss and at once; refuses, with the reason, where there is none. */
export function candidateOf(state: ClusterState): string {
  const refuse = (reason: string, next: string): never => {
    throw new UserError(`${state.cluster} is not switched over: ${reason}. Nothing was changed.`, [next, `Look:  ./holdfast cluster show ${state.cluster}`]);
  };
  if (state.leader === null) refuse('it has no leader', 'Patroni finds one by itself if a node with all commits is there.');
  const replica = state.nodes.find(({ in_step }) => in_step);
  if (!replica) return refuse('no replica is in step, so the next leader would lack commits', `Rebuild it:  ./holdfast cluster rebuild-replica ${state.cluster}`);
  if (state.paused) refuse('Patroni is paused', `Resume:  docker exec ${state.leader} patronictl resume`);
  if ((replica.behind_bytes ?? 0) > BEHIND_BYTES_MAX) refuse(`${replica.node} still has to apply ${Math.round((replica.behind_bytes ?? 0) / 1024 ** 2)} MiB`, 'Wait until it has.');
  return replica.node;
}

/** Of pg-router on the network of the nodes, where it runs. */
async function routerAddress(instance: Instance): Promise<string | undefined> {
  const router = (await containersOf(instance)).find(({ service }) => service === 'pg-router');
  if (!router || router.pid === 0) return undefined;
  const { NetworkSettings } = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${router.id}/json`);
  return NetworkSettings.Networks[`${instance.name}_postgres`]?.IPAddress || undefined;
}

async function untilSwitched(instance: Instance, cluster: Cluster, to: Node, asked: Promise<PatroniAnswer | undefined>): Promise<ClusterState> {
  // "Status unknown" is Patroni giving up its wait of 20 s, not the switchover: on a busy machine it comes later.
  let refusal: string | undefined;
  asked.then((answer) => { if (answer && answer.status !== 200 && !String(answer.body).includes('status unknown')) refusal = `${answer.status} ${String(answer.body)}`; }, () => undefined);
  const deadline = Date.now() + SWITCHED_MS;
  await Promise.race([pause(FIRST_LOOK_MS), asked.catch(() => undefined)]);
  for (;;) {
    // One look while it lasts, so as not to take time from what is waited for.
    const [leads] = await readPatroni(to, '/primary');
    const state = leads?.status === 200 ? await readCluster(instance, cluster) : undefined;
    if (state?.leader === to.name && state.nodes.some(({ in_step }) => in_step)) return state;
    if (refusal !== undefined) throw new UserError(`Patroni did not switch ${cluster.name} over: ${refusal}.`, [`Look:  ./holdfast cluster show ${cluster.name}`]);
    if (Date.now() > deadline) throw new UserError(`${cluster.name} is not whole ${SWITCHED_MS / 1000} s after the switchover.`, [`Look:  ./holdfast cluster show ${cluster.name}`]);
    await pause(LOOK_MS);
  }
}
