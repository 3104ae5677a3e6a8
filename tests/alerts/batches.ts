import { inhibitions } from '../../platform/alertmanager/routing.ts';
import type { Page } from '../../runbooks/runner/page.ts';
import type { Fault } from './fault.ts';

/** As many as one evening's on-call person would still keep apart. */
const AT_MOST = 6;

const REQUESTS = ['edge', 'gateway', 'users', 'keycloak'];
const NEEDED_FOR: Readonly<Record<string, readonly string[]>> = { requests: REQUESTS, transactions: ['transactions', ...REQUESTS] };

/** Labels that name what an alert is about. */
const ABOUT = ['component', 'cluster', 'job', 'instance', 'service'];

/**
 * Faults that are made together, so that their waits pass together. Apart are kept: two about the same thing, one that breaks what another needs, one whose alert would hold the other's back, and two whose pages
 * mend whatever is ill. Such a page is the last of its batch: it would mend the others' faults before their own pages have.
 */
export function batchesOf(faults: readonly Fault[], pageOf: (alert: string) => Page): Fault[][] {
  const mendsAll = new Map(faults.map((fault) => [fault, mendsWhateverIsIll(pageOf(fault.alert))]));
  const batches: Fault[][] = [];
  for (const fault of faults) {
    const fits = batches.find((batch) => batch.length < AT_MOST && batch.every((other) => canFireTogether(fault, other) && !(mendsAll.get(fault) && mendsAll.get(other))));
    if (fits) fits.push(fault);
    else batches.push([fault]);
  }
  return batches.map((batch) => batch.toSorted((a, b) => Number(mendsAll.get(a)) - Number(mendsAll.get(b))));
}

export function canFireTogether(one: Fault, other: Fault): boolean {
  if (one.alone || other.alone || holdsBack(one, other) || holdsBack(other, one)) return false;
  return !disturbs(one, other) && !disturbs(other, one);
}

/** By the table that Alertmanager goes by, whatever labels it would compare: rather a batch more than an alert of which nobody is told. */
function holdsBack(source: Fault, target: Fault): boolean {
  return inhibitions.some((rule) => rule.source === source.alert && rule.targets.includes(target.alert));
}

function disturbs(one: Fault, other: Fault): boolean {
  const concern = [...touchedBy(other), ...(other.needs ?? []).flatMap((need) => NEEDED_FOR[need] ?? [need])];
  return touchedBy(one).some((thing) => concern.includes(thing));
}

function touchedBy({ labels, touches = [] }: Fault): string[] {
  return [...ABOUT.flatMap((label) => labels[label] ?? []), ...touches];
}

/** `up` starts what is stopped and makes what is missing; `restart --ill` does the former. */
export function mendsWhateverIsIll(page: Page): boolean {
  return page.sections.filter(({ name }) => name !== 'Undo').some(({ blocks }) => blocks.some(({ source }) => /\.\/holdfast (up\b|restart --ill\b)/.test(source)));
}
