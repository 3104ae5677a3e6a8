/** One key of etcd as it was read; revisions are decimal numbers of any size. */
export interface Key {
  readonly name: string;
  readonly value: string;
  readonly revision: string;
}

/** What Patroni's keys say of a cluster, all of one reading. */
export interface ClusterKeys {
  readonly cluster: string;
  /** The node that holds the lead, and the revision at which it took it: Patroni renews the lease and leaves the key alone. */
  readonly leader: { readonly node: string; readonly key: Key } | undefined;
  /** Docker's short id of the container in which the leader runs, by what it says of itself (`tags` in patroni.yml). */
  readonly leaderContainer: string | undefined;
  /** Nodes that have every acknowledged commit, the leader left out. */
  readonly inStep: readonly string[];
  readonly syncKey: Key | undefined;
  readonly config: { readonly value: DynamicConfig; readonly key: Key } | undefined;
}

/** Of Patroni's dynamic configuration, what matters here. `holdfast_accepted_risk` is ours; Patroni keeps it and passes over it. */
export interface DynamicConfig {
  readonly pause?: boolean;
  readonly synchronous_mode?: boolean;
  readonly synchronous_mode_strict?: boolean;
  readonly holdfast_accepted_risk?: AcceptedRisk;
}

/** Somebody lets a cluster go on with a single copy, until then. */
export interface AcceptedRisk {
  readonly since: string;
  readonly until: string;
  readonly reason: string;
}

export const KEYS_OF_PATRONI = '/service/';

/** Sorts the keys below `/service/` by cluster. What is not there, or is not what Patroni writes, is undefined. */
export function clustersIn(keys: readonly Key[]): ClusterKeys[] {
  const byCluster = new Map<string, Map<string, Key>>();
  for (const key of keys) {
    const [cluster = '', ...rest] = key.name.slice(KEYS_OF_PATRONI.length).split('/');
    const of = byCluster.get(cluster) ?? new Map<string, Key>();
    byCluster.set(cluster, of.set(rest.join('/'), key));
  }
  return [...byCluster].map(([cluster, of]) => clusterOf(cluster, of));
}

function clusterOf(cluster: string, keys: ReadonlyMap<string, Key>): ClusterKeys {
  const leader = keys.get('leader');
  const config = keys.get('config');
  const configured = parsed<DynamicConfig>(config);
  const sync = parsed<{ sync_standby?: string | null }>(keys.get('sync'));
  const member = leader && parsed<{ tags?: { container?: string } }>(keys.get(`members/${leader.value}`));
  return {
    cluster,
    leader: leader && { node: leader.value, key: leader },
    leaderContainer: member?.tags?.container,
    inStep: (sync?.sync_standby ?? '').split(',').filter((node) => node !== '' && node !== leader?.value),
    syncKey: keys.get('sync'),
    config: config && configured && { value: configured, key: config },
  };
}

function parsed<T extends object>(key: Key | undefined): T | undefined {
  if (!key) return undefined;
  try {
    const value: unknown = JSON.parse(key.value);
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
