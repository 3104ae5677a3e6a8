import { alertingRules } from '../../platform/prometheus/alert-cases.ts';

/** The number at which an alert fires, and on which side of it things are well: panels draw the line where the rule has it. */
export interface Limit {
  readonly value: number;
  readonly badIs: 'above' | 'below';
}

const rules = new Map(alertingRules().map((rule) => [rule.alert, rule.expr]));

/** The first comparison with a number in the rule's expression, outside of all parentheses; a product of numbers (26 * 3600) counts as one. */
export function limitOf(alert: string): Limit {
  const [, sign = '', product = ''] = /([<>])=?\s*((?:\d[\d.e]*)(?:\s*\*\s*\d[\d.e]*)*)/.exec(outside(expressionOf(alert))) ?? [];
  if (sign === '') throw new Error(`the rule of ${alert} compares with no number: its panel needs thresholds of its own`);
  return { value: product.split('*').reduce((value, factor) => value * Number(factor), 1), badIs: sign === '>' ? 'above' : 'below' };
}

export function expressionOf(alert: string): string {
  const expression = rules.get(alert);
  if (expression === undefined) throw new Error(`no file of platform/prometheus/rules has an alert ${alert}`);
  return expression;
}

function outside(expression: string): string {
  const shorter = expression.replaceAll(/\([^()]*\)|\{[^{}]*\}/g, '');
  return shorter === expression ? expression : outside(shorter);
}
