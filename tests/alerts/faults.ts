import type { Fault } from './fault.ts';
import { auditFaults } from './faults/audit.ts';
import { backupsFaults } from './faults/backups.ts';
import { componentFaults } from './faults/components.ts';
import { edgeFaults } from './faults/edge.ts';
import { elasticsearchFaults } from './faults/elasticsearch.ts';
import { etcdFaults } from './faults/etcd.ts';
import { ledgerFaults } from './faults/ledger.ts';
import { logsFaults } from './faults/logs.ts';
import { machineFaults } from './faults/machine.ts';
import { pgGuardFaults } from './faults/pg-guard.ts';
import { pgRouterFaults } from './faults/pg-router.ts';
import { postgresFaults } from './faults/postgres.ts';
import { recoveryKitFaults } from './faults/recovery-kit.ts';
import { redisFaults } from './faults/redis.ts';
import { restoreProofFaults } from './faults/restore-proof.ts';
import { servicesFaults } from './faults/services.ts';

/** At most one row an alert; a family, as the file of its rules is called, in a file of `faults/`. */
export const faults: readonly Fault[] = [
  ...auditFaults, ...backupsFaults, ...componentFaults, ...edgeFaults, ...elasticsearchFaults, ...etcdFaults, ...ledgerFaults, ...logsFaults, ...machineFaults, ...pgGuardFaults,
  ...pgRouterFaults, ...postgresFaults, ...recoveryKitFaults, ...redisFaults, ...restoreProofFaults, ...servicesFaults,
];
