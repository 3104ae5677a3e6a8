import { existsSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { authoriseAuditRestore } from '../audit/authorise-restore.ts';
import { askScheduler, share } from '../backups/scheduler.ts';
import { containersOf, startContainers, stopContainers, stopContainersAtOnce, waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import { rebuildReporting } from '../commands/rebuild.ts';
import type { Instance } from '../instance.ts';
import { plain } from '../progress.ts';
import { writeWhole } from '../state/write-whole.ts';
import { archiveUntilNow, leaderOf } from './ask-leader.ts';
import { csvOf, CSV_HEADER, lostOf, postedSince } from './lost-transfers.ts';
import { isLedger } from './new-epoch.ts';
import { follow, place, stopNodes, STOPPED_WITHIN_S } from './place.ts';
import { copyToOthers, fetch, recover, type Gates } from './prepare.ts';
import { readStanza } from './repository.ts';
import { newestTimeline, refuseShort } from './starting-point.ts';
import { toThePoint } from './to-the-point.ts';
import { fileOf, saveUndertaking, type ClusterUndertaking, type Stage, type Step, type Undertaking } from './undertaking.ts';

const HEALTHY_WITHIN_S = 240;

/** Services that write to a cluster, or would read half of it. */
export function servicesOf(clusters: readonly string[]): string[] {
  const needs = (cluster: string): string[] => (isLedger(cluster) ? ['transactions'] : ['users', 'reporting', 'audit', 'keycloak']);
  return [...new Set(clusters.flatMap(needs))];
}

/** The file of the transfers that a restore has undone. */
export const lostFileOf = (instance: Instance, undertaking: Undertaking): string => fileOf(instance, undertaking, 'lost-transfers.csv');

/**
 * The steps of a restore, in order. What is served goes on while the backup is copied beside it. It stops before recovery opens what was copied: that begins a
 * timeline, and a leader that was lost meanwhile would have begun one of the same number. To the end of the archive it stops at once, for the archive to have an end.
 */
export function stepsOf(instance: Instance, undertaking: Undertaking): (Step | Stage)[] {
  const parts = undertaking.clusters;
  const isToTheEnd = parts.some(({ source }) => source.kind === 'kept' || source.options.includes('--type=default'));
  const each = (name: string, run: (part: ClusterUndertaking, say: Say) => Promise<void>): Stage['lanes'] => (
    parts.map((part) => ({ cluster: part.cluster, works: [{ name: `${name} ${part.cluster}`, run: (say) => run(part, say) }] })));
  const after = [
    { name: 'copy', label: 'copies for the replicas', lanes: each('copy', (part, say) => copyToOthers(instance, part, say)) },
    { name: 'place', label: 'the restored data in the place of the old, and its replicas', lanes: [
      ...parts.map((part) => ({ cluster: part.cluster, works: [
        { name: `place ${part.cluster}`, run: (say: Say) => placeAndNote(instance, undertaking, part, say) },
        { name: `follow ${part.cluster}`, run: (say: Say) => follow(instance, part, say) },
      ] })),
      { cluster: 'Redis', works: [{ name: 'empty redis', run: (say: Say) => emptyRedis(instance, undertaking, say) }] },
    ] },
    { name: 'write list', label: 'listing the transfers that were undone', run: () => writeLost(instance, undertaking) },
    ...(parts.some(({ cluster }) => cluster === 'core') ? [{ name: 'tell trail', label: 'the audit trail is told', run: () => tellTrail(instance, undertaking) }] : []),
    { name: 'start services', label: 'starting the services', run: (say: Say) => startServices(instance, undertaking, say) },
    { name: 'read models', label: 'building the read models anew', run: (say: Say) => rebuildIfRunning(instance, say) },
    { name: 'backup', label: 'a backup of what was restored', run: (say: Say) => backUp(instance, parts, say) },
  ];
  return [...(isToTheEnd ? toTheEnd(instance, undertaking) : [toThePoint(undertaking, {
    archive: () => archiveTheRest(instance, parts),
    fetch: (part, say, at) => fetch(instance, part, say, at),
    recover: (part, say, begun, mayOpen) => recoverAndNote(instance, undertaking, part, say, { begun, mayOpen }),
    stop: async (say) => {
      say('stopping services');
      await stopServices(instance, undertaking);
      await stopDatabases(instance, undertaking, say);
    },
  })]), ...after];
}

type Say = (detail: string) => void;

function toTheEnd(instance: Instance, undertaking: Undertaking): (Step | Stage)[] {
  return [
    { name: 'stop services', label: 'stopping the services that would write', run: () => stopServices(instance, undertaking) },
    { name: 'archive', label: 'archiving what is not archived yet', run: () => archiveTheRest(instance, undertaking.clusters) },
    { name: 'silence', label: 'stopping the nodes', run: (say) => stopDatabases(instance, undertaking, say) },
    { name: 'recover', label: 'the backups, and recovery to their end', lanes: undertaking.clusters.map((part) => ({ cluster: part.cluster, works: [
      { name: `fetch ${part.cluster}`, run: (say) => fetch(instance, part, say) },
      { name: `recover ${part.cluster}`, run: (say) => recoverAndNote(instance, undertaking, part, say) },
    ] })) },
  ];
}

async function stopServices(instance: Instance, undertaking: Undertaking): Promise<void> {
  const wanted = servicesOf(undertaking.clusters.map(({ cluster }) => cluster));
  const running = new Set((await containersOf(instance)).filter(({ health }) => health !== 'stopped').map(({ service }) => service));
  // Those that were stopped before an interruption are started again, too.
  undertaking.stopped = wanted.filter((service) => running.has(service) || undertaking.stopped.includes(service));
  undertaking.silent_at ??= new Date().toISOString();
  // An interruption may not forget who is to be started again.
  await saveUndertaking(instance, undertaking);
  await stopContainersAtOnce(instance, wanted);
}

/** From then on nobody writes to the clusters, and no timeline is begun. */
async function stopDatabases(instance: Instance, undertaking: Undertaking, say: Say): Promise<void> {
  say('stopping replicas, and asking for transfers after the point');
  await Promise.all([stopReplicas(instance, undertaking.clusters), noteCandidates(instance, undertaking)]);
  say('stopping the nodes that lead');
  await stopNodes(instance, undertaking.clusters);
  say('services and nodes are stopped');
}

/**
 * Who leads may be another by now than when the restore was planned. They are not killed: who leads would look for them at its own end, which takes longer than theirs
 * (measured: 9 s for both after a kill, 8 s one after the other).
 */
async function stopReplicas(instance: Instance, parts: readonly ClusterUndertaking[]): Promise<void> {
  const replicas = await Promise.all(parts.map(async ({ cluster, node, others }) => {
    const leader = await leaderOf(instance, cluster);
    return [node, ...others].filter((one) => one !== leader.node);
  }));
  await stopContainers(instance, replicas.flat(), STOPPED_WITHIN_S);
}

async function placeAndNote(instance: Instance, undertaking: Undertaking, part: ClusterUndertaking, say: Say): Promise<void> {
  await place(instance, undertaking, part, say);
  // The last of the clusters is the one that counts.
  undertaking.placed_at = new Date().toISOString();
}

async function archiveTheRest(instance: Instance, parts: readonly ClusterUndertaking[]): Promise<void> {
  await Promise.all(parts.map(async ({ cluster }) => {
    const { node, answers } = await leaderOf(instance, cluster);
    if (answers && !(await archiveUntilNow(instance, node))) plain(`      note: the last WAL of ${cluster} did not reach the repository; what is restored ends where the archive does`);
  }));
}

async function recoverAndNote(instance: Instance, undertaking: Undertaking, part: ClusterUndertaking, say: Say, gates?: Gates): Promise<void> {
  const { recovered, present } = await recover(instance, undertaking, part, say, gates);
  // Two timelines of one number would be two pasts that nobody can tell apart.
  const stanza = await readStanza(instance, part.cluster);
  const newest = newestTimeline(stanza);
  if (recovered.timeline <= newest) throw new UserError(`${part.cluster} was opened on timeline ${recovered.timeline}, and the archive has timeline ${newest} already.`, ['Give it up:  ./holdfast restore --undo']);
  if (part.source.kind === 'repository' && part.source.options.includes('--type=default')) refuseShort(stanza, recovered);
  part.recovered = recovered;
  await writeFile(fileOf(instance, undertaking, `${part.cluster}.present`), present.join('\n'), { mode: 0o600 });
}

/** Before the old data goes aside: what was posted since shortly before the point, as those know it who are still there. */
async function noteCandidates(instance: Instance, undertaking: Undertaking): Promise<void> {
  await Promise.all(undertaking.clusters.filter(({ cluster }) => isLedger(cluster)).map(async (part) => {
    const path = fileOf(instance, undertaking, `${part.cluster}.posted`);
    // Whoever could tell may have been stopped since.
    if (existsSync(path)) return;
    const posted = await postedSince(instance, part.cluster, sinceOf(undertaking, part));
    if (posted === undefined) plain(`      note: neither ${part.cluster} nor the audit log can be asked: what was accepted after the point cannot be listed`);
    await writeWhole(path, posted === undefined ? '' : JSON.stringify(posted));
  }));
}

/** To the end, and to a place in the WAL, nobody knows the instant yet: a day is more than an archive is ever behind. */
function sinceOf({ began_at }: Undertaking, { point_at }: ClusterUndertaking): string {
  return point_at ?? new Date(Date.parse(began_at) - 24 * 3_600_000).toISOString();
}

async function writeLost(instance: Instance, undertaking: Undertaking): Promise<void> {
  const path = lostFileOf(instance, undertaking);
  await writeFile(path, `${CSV_HEADER}\n`, { mode: 0o600 });
  for (const part of undertaking.clusters.filter(({ cluster }) => isLedger(cluster))) {
    const text = await readFile(fileOf(instance, undertaking, `${part.cluster}.posted`), 'utf8');
    if (text === '') continue;
    const present = (await readFile(fileOf(instance, undertaking, `${part.cluster}.present`), 'utf8')).split('\n');
    const begins = part.recovered?.last_transaction_at ?? '';
    const lost = lostOf(JSON.parse(text) as Parameters<typeof lostOf>[0], present).filter(({ occurred_at }) => occurred_at > minutesBefore(begins));
    part.lost = lost.length;
    await appendFile(path, csvOf(part.cluster, lost));
  }
}

/** What is older was not looked for among those that are there, and is. */
function minutesBefore(last: string): string {
  return last === '' ? '' : new Date(Date.parse(last) - 300_000).toISOString();
}

/** It was set back, and that was meant: until somebody says so, signed, it takes what is gone for cut off, and signs nothing more. */
async function tellTrail(instance: Instance, { by, reason, to, clusters }: Undertaking): Promise<void> {
  try {
    await authoriseAuditRestore(instance, { by, why: reason, cluster: clusters.map(({ cluster }) => cluster).join(', '), target: to });
  } catch (error) {
    // Money need not wait for it.
    plain(`      note: the audit trail was not told of this: ${(error as Error).message}\n        Then:  ./holdfast audit authorise-restore --why "${reason}"`);
  }
}

/** Cached answers and sessions may tell of what no longer happened. */
async function emptyRedis(instance: Instance, undertaking: Undertaking, say: Say): Promise<void> {
  const isRunning = (await containersOf(instance)).some(({ service, health }) => service === 'redis' && health !== 'stopped');
  if (isRunning && !undertaking.stopped.includes('redis')) {
    undertaking.stopped.push('redis');
    await saveUndertaking(instance, undertaking);
  }
  say('is emptied');
  await stopContainers(instance, ['redis']);
  await instance.compose(['--progress', 'quiet', 'run', '--rm', '--no-deps', '--no-TTY', 'redis', 'sh', '-c', 'rm -rf /var/lib/redis/*']);
  if (undertaking.stopped.includes('redis')) await startContainers(instance, ['redis']);
  say('is empty');
}

export async function startServices(instance: Instance, undertaking: Undertaking, say: Say): Promise<void> {
  // Keycloak before those who ask it.
  const services = undertaking.stopped.toSorted((a, b) => Number(b === 'keycloak') - Number(a === 'keycloak'));
  if (services.length === 0) return;
  say(services.join(', '));
  await startContainers(instance, services);
  await waitUntilHealthy(instance, services, HEALTHY_WITHIN_S, say);
  undertaking.serving_at = new Date().toISOString();
}

/** Readers that had gone on beyond the point stand still until then. */
async function rebuildIfRunning(instance: Instance, say: Say): Promise<void> {
  const running = new Set((await containersOf(instance)).filter(({ health }) => health !== 'stopped').map(({ service }) => service));
  if (['kafka', 'pg-router'].every((service) => running.has(service))) await rebuildReporting(instance, say);
  else plain('      note: the read models are built anew by  ./holdfast rebuild reporting  once the platform is up');
}

/** A replica that is ever rebuilt begins with the last backup, which must not be of the time that was undone. */
async function backUp(instance: Instance, parts: readonly ClusterUndertaking[], say: Say): Promise<void> {
  for (const { cluster } of parts) {
    say(cluster);
    await askScheduler(instance, ['backup', 'incremental', cluster, '1'], ({ progress }) => { if (progress) say(`${cluster}${share(progress)}`); }).catch((cause: unknown) => {
      plain(`      note: ${cluster} was restored, and there is no backup of it yet (${cause instanceof Error ? cause.message : String(cause)}). Take one soon:  ./holdfast backup --cluster ${cluster}`);
    });
  }
}
