import { stringify } from 'yaml';
import type { Rule } from '../../platform/prometheus/alert-cases.ts';
import type { Exchange, Fault, Scaled } from './fault.ts';

/**
 * A file of rules, beside the real ones, with what a test cannot wait for made shorter: the same alert, the same labels, the same expression but for a number or a window.
 * Those of `asTheyAre` are put there unscaled: a rule that vanished would leave its alert firing at Alertmanager for minutes.
 */
export function scaledRules(rules: readonly Rule[], faults: readonly Fault[], asTheyAre: ReadonlySet<Fault> = new Set()): string {
  const scaled = faults.filter((fault) => fault.scaled !== undefined);
  return stringify({ groups: [{ name: SCALED, rules: scaled.map((fault) => scaledRule(ruleNamed(rules, fault.alert), asTheyAre.has(fault) ? {} : (fault.scaled ?? {}))) }] });
}

export const SCALED = 'scaled_for_a_test';

/** For FIRED.md. */
export function wordsOf(scaled: Scaled = {}): string {
  const words = [...(scaled.for ? [`for ${scaled.for}`] : []), ...exchangesOf(scaled).map(([from, to]) => `${from} is ${to}`), ...(scaled.range ? [`[${scaled.range[0]}] is [${scaled.range[1]}]`] : [])];
  return words.join(', ') || 'no';
}

function scaledRule({ alert, expr, for: wait, labels, annotations }: Rule, scaled: Scaled): object {
  const withNumbers = exchangesOf(scaled).reduce((text, exchange) => exchanged(alert, text, exchange), expr);
  return { alert, expr: scaled.range ? withWindow(alert, withNumbers, scaled.range) : withNumbers, ...((scaled.for ?? wait) !== undefined && { for: scaled.for ?? wait }), labels, annotations };
}

function exchangesOf({ number }: Scaled): readonly Exchange[] {
  if (!number) return [];
  return typeof number[0] === 'string' ? [number as Exchange] : (number as readonly Exchange[]);
}

const NUMBER = /^\d+(\.\d+)?(e\d+)?$/;

function exchanged(alert: string, expr: string, [from, to]: Exchange): string {
  if (!NUMBER.test(from) || !NUMBER.test(to)) throw new Error(`${alert}: ${from} or ${to} is no number`);
  const whole = new RegExp(String.raw`(?<![\w.])${from.replaceAll('.', String.raw`\.`)}(?![\w.])`, 'g');
  if ([...expr.matchAll(whole)].length !== 1) throw new Error(`${alert}: ${from} does not stand in its expression, once`);
  return expr.replace(whole, to);
}

function withWindow(alert: string, expr: string, [from, to]: Exchange): string {
  if (!/^\d+[smh]$/.test(from) || !/^\d+[smh]$/.test(to)) throw new Error(`${alert}: ${from} or ${to} is no window`);
  const window = new RegExp(String.raw`(\[|\boffset )${from}(?!\w)`, 'g');
  if (!window.test(expr)) throw new Error(`${alert}: [${from}] does not stand in its expression`);
  return expr.replace(window, `$1${to}`);
}

function ruleNamed(rules: readonly Rule[], alert: string): Rule {
  const found = rules.find((rule) => rule.alert === alert);
  if (!found) throw new Error(`tests/alerts/faults makes ${alert} fire, which no file of platform/prometheus/rules has`);
  return found;
}
