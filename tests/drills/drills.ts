import { auditTampered } from './audit-tampered.drill.ts';
import { backupDamaged } from './backup-damaged.drill.ts';
import { certificateExpired } from './certificate-expired.drill.ts';
import { clusterLost } from './cluster-lost.drill.ts';
import { diskFull } from './disk-full.drill.ts';
import type { Drill } from './drill.ts';
import { elasticsearchLost } from './elasticsearch-lost.drill.ts';
import { kafkaLost } from './kafka-lost.drill.ts';
import { leaderLost } from './leader-lost.drill.ts';
import { logsStopped } from './logs-stopped.drill.ts';
import { machineLost } from './machine-lost.drill.ts';
import { plannedSwitchover } from './planned-switchover.drill.ts';
import { pointInTimeRestore } from './point-in-time-restore.drill.ts';
import { realmDamaged } from './realm-damaged.drill.ts';
import { redisLost } from './redis-lost.drill.ts';
import { replicaLost } from './replica-lost.drill.ts';
import { secretLeaked } from './secret-leaked.drill.ts';
import { upgradeFailed } from './upgrade-failed.drill.ts';

/**
 * All drills, in the order in which they are made. After `auditTampered` none that restores what is seconds old: it could bring back the tampered entry. `machineLost` waits
 * for the archive first.
 */
export const drills: readonly Drill[] = [redisLost, elasticsearchLost, leaderLost, replicaLost, plannedSwitchover, diskFull, kafkaLost, certificateExpired, logsStopped, realmDamaged, secretLeaked, upgradeFailed, backupDamaged, clusterLost, pointInTimeRestore, auditTampered, machineLost];
