import { UserError } from '../errors.ts';
import type { Reach } from './cut.ts';
import { lastCommitOf, type RestoredCluster } from './restored-cluster.ts';

export interface RepositoryReach extends Reach {
  /** Where that transaction ends in the WAL. */
  readonly endLsn: string | undefined;
  /** Told in whole seconds. */
  readonly firstBackupEnd_ms: number;
  readonly lastBackupEnd_ms: number;
  /** Of the cluster in its last backup, restored. */
  readonly size_bytes: number;
}

/** How far the repository goes: a cluster's first and last good backup, and the last transaction at the end of its WAL. Throws where there is no good backup. */
export async function reachOf(cluster: RestoredCluster): Promise<RepositoryReach> {
  const info = await cluster.info();
  const good = info?.backup.filter(({ error }) => !error) ?? [];
  const [first, last] = [good[0], good.at(-1)];
  if (!first || !last) throw new UserError(`the repository has no good backup of ${cluster.cluster}${info ? `: ${info.status.message}` : ''}`, ['Use another copy of the repository.']);
  const end = await lastCommitOf(cluster);
  return { cluster: cluster.cluster, lastCommit: end?.at, endLsn: end?.lsn, firstBackupEnd_ms: first.timestamp.stop * 1000, lastBackupEnd_ms: last.timestamp.stop * 1000, size_bytes: last.info.size };
}
