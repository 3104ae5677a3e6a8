/**
 * Panels that may be empty, or at zero, on a platform that is well, and why. Every other panel has to show something once the platform is used:
 * tests/e2e/dashboards.test.ts. `zero`: its series are there, and zero is the good news. `nothing`: its series come into being with what they tell of.
 */
export interface Exception {
  readonly uid: string;
  readonly panel: string;
  readonly shows: 'zero' | 'nothing';
  readonly because: string;
}

const zero = (because: string, panels: Readonly<Record<string, readonly string[]>>): Exception[] => exceptions('zero', because, panels);
const nothing = (because: string, panels: Readonly<Record<string, readonly string[]>>): Exception[] => exceptions('nothing', because, panels);

function exceptions(shows: Exception['shows'], because: string, panels: Readonly<Record<string, readonly string[]>>): Exception[] {
  return Object.entries(panels).flatMap(([uid, titles]) => titles.map((panel) => ({ uid, panel, shows, because })));
}

export const withoutData: readonly Exception[] = [
  ...zero('counts what is wrong, and nothing is', {
    'holdfast-overview': ['Pages firing'],
    'holdfast-ledger': ['Findings'],
    'holdfast-component-kafka': ['Offline', 'With fewer copies than they should'],
    'holdfast-component-elasticsearch': ['Turned away'],
    'holdfast-component-redis': ['Forgotten for want of memory', 'Connections refused'],
    'holdfast-component-monitoring': ['Messages that did not get through'],
    'holdfast-component-logs': ['Answers that were broken off'],
    'holdfast-component-etcd': ['Leads of dead leaders that were freed'],
    'holdfast-component-machine': ['Ended for want of memory, in the last hour'],
    'holdfast-audit': ['Refusals that were not told to it', 'Streams that stand still'],
    'holdfast-service-gateway': ['Limits counted in its own memory'],
  }),
  ...zero('what waits is gone before it is measured', {
    'holdfast-ledger': ['On their way to another shard', 'Events not yet published'],
    'holdfast-audit': ['Entries not yet in Elasticsearch'],
    'holdfast-service-audit': ['Entries not yet in Elasticsearch'],
    'holdfast-component-kafka': ['Events that a reader has not applied'],
  }),
  ...zero('says no until the operator has done it, and a machine that only tests does not', { 'holdfast-backups': ['A kit with the keys as they are', 'On another disk than the data'] }),
  ...zero('nobody is to be told until ./holdfast alerts send-to', { 'holdfast-component-monitoring': ['Messages to people'] }),
  ...zero('roles and clients are changed at Keycloak\'s own console, seldom and by people', { 'holdfast-security': ['Requests to the administration of sign-in'] }),
  ...zero('a machine whose clock nobody keeps right does not know how wrong it is', { 'holdfast-component-machine': ['Clock off by'] }),
  ...nothing('comes into being with the first of its kind, and on a good day there is none', {
    'holdfast-security': ['Too many requests'],
    'holdfast-service-gateway': ['Repeated at another replica'],
  }),
  ...nothing('a second place of checkpoints is there where the operator has named one', { 'holdfast-audit': ['Second place of checkpoints: last copy'] }),
  ...nothing('zero while the promise is kept, and nothing while fewer than one request in 20 s is there to be judged', {
    'holdfast-overview': ['Objectives within budget', 'Budget spent, in multiples of what is allowed'],
    'holdfast-objectives': ['What failed in the last hour', 'Spent over 5m', 'Spent over 1h', 'Spent over 30m', 'Spent over 6h', 'Spent over 3 days', 'Left of the budget, had it been like that all the time'],
    'holdfast-service-edge': ['Budget spent: availability'],
    'holdfast-service-gateway': ['Budget spent: latency'],
    'holdfast-service-transactions': ['Budget spent: availability', 'Budget spent: latency'],
    'holdfast-service-users': ['Budget spent: availability'],
    'holdfast-service-reporting': ['Budget spent: availability'],
    'holdfast-service-audit': ['Budget spent: availability'],
    'holdfast-service-keycloak': ['Budget spent: availability'],
  }),
];
