import type { Fault } from './fault.ts';
import { componentFaults } from './faults/components.ts';
import { edgeFaults } from './faults/edge.ts';
import { elasticsearchFaults } from './faults/elasticsearch.ts';
import { ledgerFaults } from './faults/ledger.ts';
import { logsFaults } from './faults/logs.ts';
import { machineFaults } from './faults/machine.ts';
import { postgresFaults } from './faults/postgres.ts';
import { redisFaults } from './faults/redis.ts';

/** At most one row an alert; a family, as the file of its rules is called, in a file of `faults/`. */
export const faults: readonly Fault[] = [
  ...componentFaults, ...edgeFaults, ...elasticsearchFaults, ...ledgerFaults, ...logsFaults, ...machineFaults, ...postgresFaults, ...redisFaults,
];
