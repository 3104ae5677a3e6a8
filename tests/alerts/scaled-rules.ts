import { stringify } from 'yaml';
import type { Rule } from '../../platform/prometheus/alert-cases.ts';
import type { Fault } from './fault.ts';

/** A file of rules, beside the real ones, with what a test cannot wait for made shorter: the same alert, the same labels, the same expression but for one number. */
export function scaledRules(rules: readonly Rule[], faults: readonly Fault[]): string {
  const scaled = faults.filter((fault) => fault.scaled !== undefined);
  return stringify({ groups: [{ name: 'scaled_for_a_test', rules: scaled.map(({ alert, scaled: how }) => scaledRule(ruleNamed(rules, alert), how ?? {})) }] });
}

function scaledRule({ alert, expr, for: wait, labels, annotations }: Rule, { for: shorter, number }: NonNullable<Fault['scaled']>): object {
  if (number && expr.split(number[0]).length !== 2) throw new Error(`${alert}: ${number[0]} does not stand in its expression, once`);
  return { alert, expr: number ? expr.replace(...number) : expr, ...((shorter ?? wait) !== undefined && { for: shorter ?? wait }), labels, annotations };
}

function ruleNamed(rules: readonly Rule[], alert: string): Rule {
  const found = rules.find((rule) => rule.alert === alert);
  if (!found) throw new Error(`tests/alerts/faults makes ${alert} fire, which no file of platform/prometheus/rules has`);
  return found;
}
