import type { Fault } from './fault.ts';
import { alertmanagerFaults } from './faults/alertmanager.ts';
import { auditFaults } from './faults/audit.ts';
import { backupsFaults } from './faults/backups.ts';
import { componentFaults } from './faults/components.ts';
import { edgeFaults } from './faults/edge.ts';
import { elasticsearchFaults } from './faults/elasticsearch.ts';
import { etcdFaults } from './faults/etcd.ts';
import { gatewayFaults } from './faults/gateway.ts';
import { kafkaFaults } from './faults/kafka.ts';
import { keycloakFaults } from './faults/keycloak.ts';
import { ledgerFaults } from './faults/ledger.ts';
import { logsFaults } from './faults/logs.ts';
import { machineFaults } from './faults/machine.ts';
import { pgGuardFaults } from './faults/pg-guard.ts';
import { pgRouterFaults } from './faults/pg-router.ts';
import { postgresFaults } from './faults/postgres.ts';
import { prometheusFaults } from './faults/prometheus.ts';
import { recoveryKitFaults } from './faults/recovery-kit.ts';
import { redisFaults } from './faults/redis.ts';
import { restoreProofFaults } from './faults/restore-proof.ts';
import { servicesFaults } from './faults/services.ts';
import { sloFaults } from './faults/slo.ts';

/** At most one row an alert; a family, as the file of its rules is called, in a file of `faults/`. Last come those that take minutes to clear, as their pages keep the others of a batch waiting. */
export const faults: readonly Fault[] = [
  ...auditFaults, ...backupsFaults, ...componentFaults, ...edgeFaults, ...elasticsearchFaults, ...etcdFaults, ...gatewayFaults, ...kafkaFaults,
  ...keycloakFaults, ...ledgerFaults, ...logsFaults, ...machineFaults, ...pgGuardFaults, ...pgRouterFaults, ...postgresFaults, ...prometheusFaults,
  ...recoveryKitFaults, ...redisFaults, ...restoreProofFaults, ...servicesFaults, ...sloFaults, ...alertmanagerFaults,
];
