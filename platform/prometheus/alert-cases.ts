import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, stringify } from 'yaml';

/** Rules and their test cases as files say them, and promtool's own tests made of the cases. How they are written: README.md. */
export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Its file in rules/, without ".yml". */
  readonly component: string;
}

type Labels = Readonly<Record<string, string | number>>;

export interface Case {
  readonly case: string;
  readonly step?: string;
  /** Series by name and labels, values in promtool's notation. */
  readonly series: Readonly<Record<string, string>>;
  /** When it must not fire, before it does. Of a case that never does: at any time. */
  readonly silent?: readonly string[];
  /** When it fires, and the labels of each alert then. */
  readonly fires?: Readonly<Record<string, readonly Labels[]>>;
  /** When it must not fire any more. */
  readonly clears?: readonly string[];
}

const ROOM = import.meta.dirname;
const STEP = '15s';

export function alertingRules(directory = join(ROOM, 'rules')): Rule[] {
  return readdirSync(directory).filter((file) => file.endsWith('.yml')).flatMap((file) => {
    const { groups } = parse(readFileSync(join(directory, file), 'utf8')) as { groups: { rules: Partial<Rule>[] }[] };
    return groups.flatMap(({ rules }) => rules)
      .filter((rule): rule is Rule => rule.alert !== undefined)
      .map((rule) => ({ ...rule, labels: rule.labels ?? {}, annotations: rule.annotations ?? {}, component: basename(file, '.yml') }));
  });
}

/** Cases by alert. Of a file in promtool's own form the names of the alerts are told, and what it says of each stays its own. */
export function alertCases(directory = join(ROOM, 'tests')): { cases: Map<string, readonly Case[]>; native: { file: string; alerts: Set<string> }[] } {
  const cases = new Map<string, readonly Case[]>();
  const native: { file: string; alerts: Set<string> }[] = [];
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.yml'))) {
    // Scalars stay as they are written: promtool's 0x20 is no number in hexadecimal.
    const content = parse(readFileSync(join(directory, file), 'utf8'), { schema: 'failsafe' }) as Record<string, unknown>;
    if ('rule_files' in content) {
      const tests = content.tests as { alert_rule_test?: { alertname: string }[] }[];
      native.push({ file, alerts: new Set(tests.flatMap(({ alert_rule_test: asked = [] }) => asked.map(({ alertname }) => alertname))) });
    } else {
      for (const [alert, list] of Object.entries(content as Record<string, readonly Case[]>)) cases.set(alert, list);
    }
  }
  return { cases, native };
}

/** A file of promtool for the cases of one file of rules and one length of step: that is also how often it evaluates, and no other rule disturbs. */
export function promtoolTests(rules: readonly Rule[], cases: ReadonlyMap<string, readonly Case[]>, rulesDirectory: string): { name: string; content: string }[] {
  const all = [...cases].flatMap(([alert, list]) => list.map((one) => ({ rule: ruleOf(rules, alert), one, step: one.step ?? STEP })));
  return [...Map.groupBy(all, ({ rule, step }) => `${rule.component} ${step}`)].map(([key, ofFile]) => {
    const [component = '', step = STEP] = key.split(' ');
    return {
      name: `${component}-${step}.yml`,
      content: stringify({ rule_files: [join(rulesDirectory, `${component}.yml`)], evaluation_interval: step, tests: ofFile.map(({ rule, one }) => promtoolTest(rule, one, step)) }),
    };
  });
}

function promtoolTest(rule: Rule, one: Case, step: string): object {
  const firing = (labels: Labels): string => `ALERTS{${Object.entries({ ...rule.labels, alertname: rule.alert, alertstate: 'firing', ...labels }).map(([name, value]) => `${name}=${JSON.stringify(String(value))}`).join(', ')}}`;
  const expected: [string, readonly Labels[]][] = [...(one.silent ?? []).map((at): [string, Labels[]] => [at, []]), ...Object.entries(one.fires ?? {}), ...(one.clears ?? []).map((at): [string, Labels[]] => [at, []])];
  return {
    name: `${rule.alert}: ${one.case}`,
    interval: step,
    input_series: Object.entries(one.series).map(([series, values]) => ({ series, values: String(values) })),
    promql_expr_test: expected.map(([at, alerts]) => ({
      expr: `ALERTS{alertname="${rule.alert}", alertstate="firing"}`,
      eval_time: at,
      exp_samples: alerts.map((labels) => ({ labels: firing(labels), value: 1 })),
    })),
  };
}

function ruleOf(rules: readonly Rule[], alert: string): Rule {
  const found = rules.find((rule) => rule.alert === alert);
  if (!found) throw new Error(`platform/prometheus/tests has a case of ${alert}, which no file of rules/ has`);
  return found;
}
