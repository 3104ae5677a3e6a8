import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { plain } from '../progress.ts';
import { docker, run } from '../run.ts';
import { cutAt, latestCut, millisecondsOf, refuseOutside, type Cut, type Reach } from './cut.ts';
import { reachOf, type RepositoryReach } from './reach.ts';
import { RestoreContainer, type Source } from './restore-container.ts';
import { aheadOf, CHECK_AUDIT_CHAIN, INDEX_FROM_THE_START, publishAgainFrom, STANDINGS, standingsOf, STREAM, streamsOf, type Standing } from './streams.ts';
import { endBeforeWokenShards } from './woken-shard.ts';

type Say = (detail: string) => void;

/** Of each cluster the first node gets the data; the other is made from it, as ever. */
const firstNodesOf = (instance: Instance): string[] => Object.values(instance.clusters).map(({ nodes }) => nodes[0]);

/** Makes the volumes that are filled before anything starts, with the labels by which compose knows its own. */
export async function makeVolumes(instance: Instance): Promise<void> {
  for (const volume of ['pgbackrest-archive', 'pgbackrest-backup', ...firstNodesOf(instance)]) {
    await docker('volume', 'create', '--label', `com.docker.compose.project=${instance.name}`, '--label', `com.docker.compose.volume=${volume}`, `${instance.name}_${volume}`);
  }
}

/** Throws where there is data of an instance of this name: its state directory may be gone, and its volumes still there. */
export async function refuseOverData(instance: Instance): Promise<void> {
  const volumes = (await docker('volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${instance.name}`)).trim().split('\n').filter(Boolean);
  if (volumes.length === 0) return;
  throw new UserError(`Docker has ${volumes.length} volumes of an instance "${instance.name}" here, and nothing is restored over data.`, [
    `Look:                 docker volume ls --filter label=com.docker.compose.project=${instance.name}`,
    `Recover beside them:  ./holdfast --instance NAME recover …`,
    `Or delete them:       docker volume rm $(docker volume ls -q --filter label=com.docker.compose.project=${instance.name})`,
  ]);
}

export async function withContainers<T>(instance: Instance, source: Source, work: (containers: readonly RestoreContainer[]) => Promise<T>): Promise<T> {
  const containers: RestoreContainer[] = [];
  try {
    for (const [cluster, { nodes }] of Object.entries(instance.clusters)) {
      containers.push(await RestoreContainer.start({ name: `${instance.name}-recover-${cluster}`, registry: instance.settings.registry, cluster, source, volume: `${instance.name}_${nodes[0]}` }));
    }
    return await work(containers);
  } finally {
    await Promise.all(containers.map((container) => container.remove()));
  }
}

/** Throws if a cluster that was to go to the end of its WAL has not: Postgres takes WAL that it cannot get for WAL that never was. */
export function refuseShortOf(reaches: readonly (Reach & { lastBackupEnd_ms: number })[], cut: Cut, reached: Readonly<Record<string, string | null>>): void {
  for (const { cluster, lastCommit, lastBackupEnd_ms } of reaches) {
    // What the last backup itself holds is not replayed. Its end is told in whole seconds.
    if (cut[cluster] !== undefined || lastCommit === undefined || millisecondsOf(lastCommit) < lastBackupEnd_ms + 1_000) continue;
    const last = reached[cluster];
    // Commits that are dated in one order may be written in the other.
    if (last && millisecondsOf(last) >= millisecondsOf(lastCommit) - 1_000) continue;
    throw new UserError(`${cluster} has transactions until ${lastCommit} in the repository, and was restored to ${last ?? 'its last backup'} only: WAL between them is missing or cannot be read.`, [
      'Use another copy of the repository, or restore an earlier moment:  ./holdfast recover --to TIME',
    ]);
  }
}

export interface ChosenCut {
  readonly cut: Cut;
  readonly at: string | undefined;
  readonly reaches: readonly RepositoryReach[];
}

export async function chooseCut(containers: readonly RestoreContainer[], to: string | undefined): Promise<ChosenCut> {
  const reaches = await Promise.all(containers.map(reachOf));
  if (to === undefined) return { ...latestCut(reaches), reaches };
  refuseOutside(reaches, to);
  return { cut: cutAt(reaches, to), at: to, reaches };
}

/** Restores all clusters. The latest moment may turn out only in what was restored: then it is done once more, over what is there. */
export async function restoreTo(containers: readonly RestoreContainer[], chosen: ChosenCut, to: string | undefined, say: Say): Promise<{ chosen: ChosenCut; reached: Record<string, string | null> }> {
  const reached = await restoreAll(containers, chosen.cut, say);
  refuseShortOf(chosen.reaches, chosen.cut, reached);
  const [core, ...ledgers] = containers;
  if (to !== undefined || chosen.at === undefined || !core) return { chosen, reached };
  const at = await endBeforeWokenShards({ core, ledgers }, chosen.at);
  if (at === undefined) return { chosen, reached };
  plain(`      a shard lacks events that others know of, as they were not archived yet: all clusters go to ${at}`);
  return restoreTo(containers, { ...chosen, at, cut: cutAt(chosen.reaches, at) }, at, say);
}

/** Fills the data directories and replays WAL up to the cut. Resolves with each cluster's last transaction. */
async function restoreAll(containers: readonly RestoreContainer[], cut: Cut, say: Say): Promise<Record<string, string | null>> {
  const place = new Map<string, string>();
  const tell = (cluster: string) => (detail: string): void => {
    place.set(cluster, detail);
    say([...place].map(([name, what]) => `${name} ${what}`).join(', '));
  };
  return Object.fromEntries(await Promise.all(containers.map(async (container) => {
    tell(container.cluster)('from the backup');
    await container.restore(cut[container.cluster]);
    tell(container.cluster)('replaying');
    const last = await container.replay(tell(container.cluster));
    tell(container.cluster)('there');
    return [container.cluster, last ?? null] as const;
  })));
}

/**
 * Lets what was derived from the databases, and lost, be derived again: the outboxes tell Kafka what a reader has not seen, the audit log is copied into Elasticsearch
 * from its start. Throws if the audit chain is broken, or if a reader knows of what the ledger lost.
 */
export async function continueStreams(containers: readonly RestoreContainer[]): Promise<{ auditEntries: number }> {
  const [core, ...ledgers] = containers;
  if (!core) throw new Error('there is no cluster to continue');
  const [entries = '', broken] = (await core.sql('audit', CHECK_AUDIT_CHAIN)).split('|');
  if (broken !== '0') throw new UserError(`the audit log that was restored has ${broken} entries whose hash does not fit: it was changed before it was backed up, or the repository was.`, ['Restore an earlier state:  ./holdfast recover --to TIME', 'What is there stays for whoever looks into it; nothing was started.']);
  const standings = [...standingsOf('reporting', await core.sql('reporting', STANDINGS)), ...standingsOf('audit', await core.sql('audit', STANDINGS))];
  await publishAgain(core, 'users', 'users.events', standings);
  for (const ledger of ledgers) await publishAgain(ledger, 'ledger', 'ledger.events', standings);
  await core.sql('audit', INDEX_FROM_THE_START);
  return { auditEntries: Number(entries) };
}

async function publishAgain(container: RestoreContainer, database: string, topic: string, standings: readonly Standing[]): Promise<void> {
  for (const stream of streamsOf(topic, await container.sql(database, STREAM))) {
    const [ahead] = aheadOf(stream, standings);
    if (ahead) {
      throw new UserError(`${ahead.reader} knows of event ${ahead.sequence} of ${topic} shard ${stream.shard}, and the ledger that was restored ends at ${stream.lastSequence}: the repository lacks WAL of ${container.cluster}.`, [
        'Use a newer copy of the repository, or restore an earlier moment that all clusters have:  ./holdfast recover --to TIME',
      ]);
    }
    await container.sql(database, `UPDATE event_stream SET published_sequence = ${publishAgainFrom(stream, standings)} WHERE shard = ${stream.shard}`);
  }
}

const LEADER_BUDGET_MS = 180_000;

/**
 * Starts etcd and the first nodes, until each leads: were the second nodes there, one of them could find no leader and no data, and make a new, empty cluster.
 */
export async function startLeaders(instance: Instance, wait: (milliseconds: number) => Promise<unknown>, say: Say): Promise<void> {
  const firstNodes = firstNodesOf(instance);
  await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', 'etcd', 'pgbackrest', ...firstNodes]);
  const deadline = Date.now() + LEADER_BUDGET_MS;
  for (let waiting: string[] = [...firstNodes]; ;) {
    const leads = await Promise.all(waiting.map(async (node) => (await isLeader(instance, node)) ? node : undefined));
    waiting = waiting.filter((node) => !leads.includes(node));
    if (waiting.length === 0) return;
    say(`waiting for ${waiting.join(', ')}`);
    if (Date.now() > deadline) throw new UserError(`${waiting.join(', ')} did not begin to lead within ${LEADER_BUDGET_MS / 1000} s.`, [`Look:        ./holdfast logs ${waiting[0] ?? ''}`, 'Then go on:  ./holdfast recover']);
    await wait(500);
  }
}

async function isLeader(instance: Instance, node: string): Promise<boolean> {
  const outcome = await instance.tryCompose(['exec', '-T', node, 'curl', '-sf', '-o', '/dev/null', '--max-time', '4', '--cacert', '/run/holdfast/ca.crt', `https://${node}:8008/primary`]);
  return outcome.exitCode === 0;
}

/** Containers of a recovery that was killed. */
export async function removeLeftovers(instance: Instance): Promise<void> {
  const left = (await docker('ps', '--all', '--quiet', '--filter', 'label=org.holdfast.restore=1', '--filter', `name=^${instance.name}-recover-`)).trim().split('\n').filter(Boolean);
  if (left.length > 0) await run('docker', ['rm', '--force', '--volumes', ...left]);
}
