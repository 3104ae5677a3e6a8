import { join } from 'node:path';
import { alertingRules } from '../../platform/prometheus/alert-cases.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import type { EvidenceTable } from '../kit/evidence.ts';

const componentOf = new Map(alertingRules().map(({ alert, component }) => [alert, component]));

/** Which alert was made to fire by which fault, and how soon somebody knew of it. */
export const FIRED: EvidenceTable = {
  file: join(PROJECT, 'dashboards', 'alerts', 'FIRED.md'),
  names: 'alert',
  figures: ['fault', 'scaled', 'fired after s', 'delivered after s', 'cleared after s'],
  // What a row is true of: the rule, its page, and the fault.
  sourcesOf: (name) => [`platform/prometheus/rules/${componentOf.get(name) ?? 'unknown'}.yml`, `runbooks/alerts/${name}.md`, 'tests/alerts/faults.ts'],
};
