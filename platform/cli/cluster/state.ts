import type { Instance } from '../instance.ts';
import { nodesOf, readPatroni, type Cluster, type Node, type PatroniAnswer } from './nodes.ts';

export type Role = 'leader' | 'replica' | 'none';

export interface NodeState {
  readonly node: string;
  /** Of its container, in Docker's words, or `absent`. */
  readonly container: string;
  readonly role: Role;
  /** What Patroni says of its Postgres, or why nobody says anything. */
  readonly state: string;
  readonly timeline: number | null;
  /** When its Postgres was started. */
  readonly started: string | null;
  /** Bytes of WAL that the leader has written and this node has not applied. */
  readonly behind_bytes: number | null;
  /** It has every commit that was acknowledged. */
  readonly in_step: boolean;
}

/** Taken from Patroni's history: who took the lead, when and at which place in the WAL. */
export interface Change {
  readonly timeline: number;
  readonly lsn: number;
  readonly reason: string;
  readonly at: string | null;
  readonly leader: string | null;
}

export interface AcceptedRisk {
  readonly since: string;
  readonly until: string;
  readonly reason: string;
}

export interface ClusterState {
  readonly cluster: string;
  readonly leader: string | null;
  /** A commit is acknowledged only when a second node has it; null where nobody could say. */
  readonly needs_replica: boolean | null;
  readonly accepted_risk: AcceptedRisk | null;
  /** Patroni was told to hold still. */
  readonly paused: boolean;
  /** Seconds since the leader has last reached etcd. */
  readonly etcd_unseen_seconds: number | null;
  readonly nodes: readonly NodeState[];
  readonly history: readonly Change[];
  /** What is wrong, the worst first. */
  readonly troubles: readonly string[];
}

/** What `/patroni` says of one node. */
interface NodeStatus {
  state?: string;
  role?: string;
  timeline?: number;
  postmaster_start_time?: string;
  xlog?: { location?: number; replayed_location?: number };
  replication_state?: string;
  sync_standby?: boolean;
  pause?: boolean;
  dcs_last_seen?: number;
}

interface Config {
  synchronous_mode?: boolean;
  synchronous_mode_strict?: boolean;
  holdfast_accepted_risk?: AcceptedRisk;
}

export interface Answers {
  readonly nodes: readonly { readonly node: Node; readonly status: NodeStatus | undefined }[];
  readonly config: Config | undefined;
  readonly history: readonly unknown[];
}

const CHANGES_SHOWN = 5;
/** Patroni asks etcd every second; it is missed when several turns have failed. */
const ETCD_MISSED_SECONDS = 10;

/** Everything that can be found out about a cluster now, whoever of its members is away. */
export async function readCluster(instance: Instance, cluster: Cluster): Promise<ClusterState> {
  const nodes = await nodesOf(instance, cluster);
  const answers = await Promise.all(nodes.map(async (node) => {
    const [status, config, history] = await readPatroni(node, '/patroni', '/config', '/history');
    return { node, status: objectOf<NodeStatus>(status), config: status && objectOf<Config>(config), history: Array.isArray(history?.body) ? history.body : [] };
  }));
  const history = answers.map((one) => one.history).reduce((longest, one) => (one.length > longest.length ? one : longest), []);
  return stateOf(cluster, { nodes: answers, config: answers.find(({ config }) => config !== undefined && 'synchronous_mode' in config)?.config, history }, Date.now());
}

/** Patroni answers 503 with the same body where it does not run; an answer that is no object says nothing. */
function objectOf<T extends object>(answer: PatroniAnswer | undefined): T | undefined {
  const body = answer?.body;
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as T) : undefined;
}

export function stateOf(cluster: Cluster, answers: Answers, nowMs: number): ClusterState {
  const leading = answers.nodes.filter(({ status }) => status?.role === 'primary' && status.state === 'running');
  const leader = leading[0];
  const written = leader?.status?.xlog?.location;
  const nodes = answers.nodes.map(({ node, status }) => nodeState(node, status, written));
  const config = answers.config;
  const seen = leader?.status?.dcs_last_seen;
  const state = {
    cluster: cluster.name,
    leader: leader?.node.name ?? null,
    needs_replica: config ? config.synchronous_mode === true && config.synchronous_mode_strict === true : null,
    accepted_risk: config?.holdfast_accepted_risk ?? null,
    paused: answers.nodes.some(({ status }) => status?.pause === true),
    etcd_unseen_seconds: seen === undefined ? null : Math.max(0, Math.round(nowMs / 1000 - seen)),
    nodes,
    history: answers.history.slice(-CHANGES_SHOWN).flatMap(changeOf),
  };
  return { ...state, troubles: troublesOf(cluster, state, leading.map(({ node }) => node.name), nowMs) };
}

function nodeState(node: Node, status: NodeStatus | undefined, writtenBytes: number | undefined): NodeState {
  const container = node.container?.health ?? 'absent';
  const role = status?.role === 'primary' ? 'leader' : status?.role === 'replica' || status?.role === 'standby_leader' ? 'replica' : 'none';
  const applied = status?.xlog?.replayed_location;
  return {
    node: node.name,
    container,
    role: status?.state === 'running' ? role : 'none',
    state: status ? (status.replication_state ?? status.state ?? 'unknown') : container === 'absent' || container === 'stopped' || container === 'restarting' ? `container ${container}` : 'Patroni does not answer',
    timeline: status?.timeline ?? null,
    started: status?.postmaster_start_time ?? null,
    behind_bytes: role === 'replica' && applied !== undefined && writtenBytes !== undefined ? Math.max(0, writtenBytes - applied) : null,
    in_step: status?.sync_standby === true && status.replication_state === 'streaming',
  };
}

/** A row is [timeline, lsn, reason, time, new leader]; the last two came with later versions. */
function changeOf(row: unknown): Change[] {
  if (!Array.isArray(row)) return [];
  const [timeline, lsn, reason, at, leader] = row as unknown[];
  return [{ timeline: Number(timeline), lsn: Number(lsn), reason: String(reason), at: typeof at === 'string' ? at : null, leader: typeof leader === 'string' ? leader : null }];
}

function troublesOf(cluster: Cluster, state: Omit<ClusterState, 'troubles'>, leading: readonly string[], nowMs: number): string[] {
  const gone = state.nodes.filter(({ role }) => role === 'none').map(({ node, state: said }) => `${node} (${said})`);
  const inStep = state.nodes.some(({ in_step }) => in_step);
  const overdue = state.accepted_risk !== null && !(Date.parse(state.accepted_risk.until) > nowMs);
  const rules: [boolean, string][] = [
    [leading.length > 1, `${leading.join(' and ')} both say that they lead: only the one that etcd names can acknowledge a commit; the other is about to step down`],
    [state.leader === null, 'no leader: writes are refused'],
    [state.leader !== null && !inStep && state.needs_replica === true, 'no replica in step: writes are refused until there is one'],
    [state.leader !== null && !inStep && state.needs_replica !== true, 'no replica in step: the cluster goes on with one copy'],
    [gone.length > 0, `not in the cluster: ${gone.join(', ')}`],
    [cluster.strict && state.needs_replica === false && state.accepted_risk === null, 'commits do not wait for a replica, and nobody has accepted that risk'],
    [state.accepted_risk !== null && !overdue, `a single copy is accepted until ${state.accepted_risk?.until}: ${state.accepted_risk?.reason}`],
    [overdue, 'an accepted risk should have ended: pg-guard ends it, does it run?'],
    [state.paused, 'Patroni is paused: nobody takes over from a leader that is lost'],
    [(state.etcd_unseen_seconds ?? 0) >= ETCD_MISSED_SECONDS, `etcd has not answered for ${state.etcd_unseen_seconds} s: the leader goes on, but nobody could take over`],
  ];
  return rules.filter(([holds]) => holds).map(([, trouble]) => trouble);
}
