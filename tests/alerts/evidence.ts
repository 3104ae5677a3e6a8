import { join } from 'node:path';
import { alertingRules } from '../../platform/prometheus/alert-cases.ts';
import { PROJECT } from '../../platform/cli/versions.ts';
import type { EvidenceTable } from '../kit/evidence.ts';

const rules = new Map(alertingRules().map((rule) => [rule.alert, rule]));

/** Which alert was made to fire by which fault, and how soon somebody knew of it. */
export const FIRED: EvidenceTable = {
  file: join(PROJECT, 'dashboards', 'alerts', 'FIRED.md'),
  names: 'alert',
  figures: ['fault', 'scaled', 'fired after s', 'delivered after s', 'cleared after s'],
  // The rule, not its neighbours in the same file; its page; and the faults of its family.
  sourcesOf: (name) => {
    const rule = rules.get(name);
    return [{ name: `the rule of ${name}`, text: JSON.stringify(rule) ?? 'missing' }, `runbooks/alerts/${name}.md`, `tests/alerts/faults/${rule?.component ?? 'unknown'}.ts`];
  },
};
