import { setTimeout as pause } from 'node:timers/promises';
import { readPatroni, type Node } from '../cluster/nodes.ts';
import { containersOf, inside, startContainers, stopContainers } from '../containers.ts';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { saveUndertaking, type ClusterUndertaking, type Undertaking } from './undertaking.ts';
import { AREA, HOME, PREPARED, Workshop } from './workshop.ts';

export const STOPPED_WITHIN_S = 60;
const LEADS_WITHIN_MS = 120_000;
const FOLLOWS_WITHIN_MS = 300_000;
const LOOK_EVERY_MS = 250;

/**
 * Puts what was prepared in the place of what is there, and lets Patroni begin with it. All of it is begun again after an interruption: while no node runs,
 * whatever names the directories have by then say what is still to be done.
 */
export async function place(instance: Instance, undertaking: Undertaking, part: ClusterUndertaking, say: (detail: string) => void): Promise<void> {
  const nodes = [part.node, ...part.others];
  say('stopping its nodes');
  await stopNodes(instance, [part]);
  say('the old data aside, the restored in its place');
  undertaking.placing_at ??= new Date().toISOString();
  await saveUndertaking(instance, undertaking);
  await Promise.all(nodes.map((node) => Workshop.use(instance, node, (workshop) => workshop.sh(SWAP, undertaking.id))));
  say('forgetting who led');
  await forgetLeader(instance, part.cluster);
  say(`${part.node} takes the lead`);
  await startNodes(instance, [part.node]);
  await until(LEADS_WITHIN_MS, `${part.node} does not take the lead`, part.node, () => leads(instance, part.node));
}

/** The others follow; a ledger takes no posting before one does. Patroni calls it synchronous a second or two after Postgres has begun to wait for it. */
export async function follow(instance: Instance, part: ClusterUndertaking, say: (detail: string) => void): Promise<void> {
  if (part.others.length === 0) return;
  await startNodes(instance, part.others);
  for (const other of part.others) {
    say(other);
    await until(FOLLOWS_WITHIN_MS, `${other} does not follow ${part.node}`, other, async () => {
      const member = (await membersOf(instance, part.node)).find(({ name }) => name === other);
      return member?.state === 'streaming';
    });
  }
}

/** A name is changed, nothing is copied: whole or not at all. */
const SWAP = `
  cd ${HOME}
  mkdir -p -m 0700 kept
  if [ -e ${PREPARED} ]; then
    if [ -e data ] && [ ! -e "kept/$1" ]; then mv data "kept/$1"; fi
    [ ! -e data ] || { echo "there are both data and kept/$1" >&2; exit 1; }
    mv ${PREPARED} data
  fi
  [ -e data ] || { echo 'nothing was prepared here' >&2; exit 1; }
  rm -rf ${AREA}
  sync`;

/** Those that run: where replicas were stopped before, who leads hands over to nobody. */
export function stopNodes(instance: Instance, parts: readonly Pick<ClusterUndertaking, 'node' | 'others'>[]): Promise<void> {
  return stopContainers(instance, parts.flatMap(({ node, others }) => [node, ...others]), STOPPED_WITHIN_S);
}

export async function startNodes(instance: Instance, nodes: readonly string[]): Promise<void> {
  const there = new Set((await containersOf(instance)).map(({ service }) => service));
  if (nodes.every((node) => there.has(node))) await startContainers(instance, nodes);
  else await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', ...nodes]);
}

/** All that Patroni has written down of a cluster but its settings. It would wait for the leader of then, and take what is new for a node that lags behind. */
async function forgetLeader(instance: Instance, cluster: string): Promise<void> {
  const { exitCode, stderr } = await inside(instance, 'etcd', ['sh', '-euc', FORGET, 'sh', `/service/${cluster}/`]);
  if (exitCode !== 0) throw new Error(`etcd could not forget who led ${cluster}: ${stderr.trim()}`);
}

/** What sorts before `config`, and what sorts after it, up to where the prefix ends: `0` is what follows `/`. */
const FORGET = 'etcdctl del --range "$1" "$1config" > /dev/null; etcdctl del --range "$1confih" "${1%/}0" > /dev/null';

interface Member { name: string; role: string; state: string }

/** As Patroni of one of them sees them; none where nobody answers. */
export async function membersOf(instance: Instance, node: string): Promise<Member[]> {
  const [cluster] = await readPatroni(await nodeNamed(instance, node), '/cluster');
  return cluster?.status === 200 ? (cluster.body as { members: Member[] }).members : [];
}

async function leads(instance: Instance, node: string): Promise<boolean> {
  const [primary] = await readPatroni(await nodeNamed(instance, node), '/primary');
  return primary?.status === 200;
}

async function nodeNamed(instance: Instance, name: string): Promise<Node> {
  return { name, container: (await containersOf(instance)).find(({ service }) => service === name) };
}

async function until(budget_ms: number, otherwise: string, node: string, ask: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + budget_ms; !(await ask()); await pause(LOOK_EVERY_MS)) {
    if (Date.now() > deadline) throw new UserError(`${otherwise} after ${budget_ms / 1_000} s.`, [`Look:           ./holdfast logs ${node}`, 'Then go on:     ./holdfast restore --resume']);
  }
}

/** Deletes what was kept of the data before a restore; tells how many bytes that frees. */
export async function deleteKept(instance: Instance, { node, others }: ClusterUndertaking, ids: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const one of [node, ...others]) {
    bytes += Number(await Workshop.use(instance, one, (workshop) => workshop.sh(`
      cd ${HOME}/kept 2>/dev/null || { echo 0; exit 0; }
      for id in "$@"; do [ ! -e "$id" ] || du -sb "$id" | cut -f1; done | awk '{ sum += $1 } END { print sum + 0 }'
      rm -rf -- "$@"`, ...ids)));
  }
  return bytes;
}

/** Whether a node still has the data of before a restore. */
export function hasKept(instance: Instance, node: string, id: string): Promise<boolean> {
  return Workshop.use(instance, node, async (workshop) => (await workshop.sh(`[ -e "${HOME}/kept/$1" ] && echo yes || echo no`, id)) === 'yes');
}
