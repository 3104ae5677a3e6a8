import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import type { ClusterUndertaking, Undertaking } from './undertaking.ts';
import { AREA, HOME, PREPARED, Workshop } from './workshop.ts';

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
  await Promise.all(nodes.map((node) => Workshop.use(instance, node, (workshop) => workshop.sh(SWAP, undertaking.id))));
  say('forgetting who led');
  await forgetLeader(instance, part.cluster);
  say(`${part.node} takes the lead`);
  await startNodes(instance, [part.node]);
  await until(LEADS_WITHIN_MS, `${part.node} does not take the lead`, part.node, async () => (await roleOf(instance, part.node)) === 'leader');
}

/** The others follow; a ledger takes no posting before one does. */
export async function follow(instance: Instance, part: ClusterUndertaking, say: (detail: string) => void): Promise<void> {
  if (part.others.length === 0) return;
  await startNodes(instance, part.others);
  for (const other of part.others) {
    say(other);
    await until(FOLLOWS_WITHIN_MS, `${other} does not follow ${part.node}`, other, async () => {
      const member = (await membersOf(instance, part.node)).find(({ Member }) => Member === other);
      return member?.State === 'streaming' && member.Role.startsWith('Sync');
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

/** The others first: who leads hands over to nobody then. */
export async function stopNodes(instance: Instance, parts: readonly Pick<ClusterUndertaking, 'node' | 'others'>[]): Promise<void> {
  for (const nodes of [parts.flatMap(({ others }) => others), parts.map(({ node }) => node)]) {
    if (nodes.length > 0) await instance.compose(['stop', '--timeout', '60', ...nodes]);
  }
}

export async function startNodes(instance: Instance, nodes: readonly string[]): Promise<void> {
  await instance.compose(['up', '-d', '--no-deps', '--no-build', '--pull', 'never', ...nodes]);
}

/** All that Patroni has written down of a cluster but its settings. It would wait for the leader of then, and take what is new for a node that lags behind. */
async function forgetLeader(instance: Instance, cluster: string): Promise<void> {
  await instance.compose(['exec', '-T', 'etcd', 'sh', '-euc', FORGET, 'sh', `/service/${cluster}/`]);
}

const FORGET = `
  keys=$(etcdctl get --prefix "$1" --keys-only)
  for key in $keys; do [ "$key" = "$1config" ] || etcdctl del "$key" > /dev/null; done`;

interface Member { Member: string; Role: string; State: string; TL?: number }

export async function membersOf(instance: Instance, node: string): Promise<Member[]> {
  const { exitCode, stdout } = await instance.tryCompose(['exec', '-T', node, 'patronictl', 'list', '-f', 'json']);
  return exitCode === 0 ? JSON.parse(stdout) as Member[] : [];
}

async function roleOf(instance: Instance, node: string): Promise<'leader' | 'other'> {
  const { stdout } = await instance.tryCompose(['exec', '-T', node, 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '4', '--cacert', '/run/holdfast/ca.crt', `https://${node}:8008/primary`]);
  return stdout.trim() === '200' ? 'leader' : 'other';
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
