import { Random } from './random.ts';

/** Who is hit. Which node leads is found out when the fault strikes; `ledger` is one of the two, drawn by the seed. */
export type Target =
  | `${'ledger0' | 'ledger1' | 'core'} ${'leader' | 'replica'}`
  | 'etcd' | 'kafka' | 'redis' | 'pg-router' | 'edge' | 'keycloak' | 'gateway' | 'users' | 'transactions' | 'reporting' | 'audit';

/**
 * kill: SIGKILL of the component's main process, or (postmaster) of Postgres alone, below a Patroni that lives.
 * pause: SIGSTOP of all its processes, or (patroni) of a leader's Patroni alone, while its Postgres goes on.
 * cut: no packet passes between the two, and nobody is told.
 * disk_full: every write of Postgres to its files is answered by ENOSPC.
 */
export type Fault = { readonly number: number; readonly target: Target } & (
  | { readonly kind: 'kill'; readonly victim: 'main' | 'postmaster' }
  | { readonly kind: 'pause'; readonly victim: 'all' | 'patroni'; readonly durationMs: number }
  | { readonly kind: 'cut'; readonly peer: Target; readonly durationMs: number }
  | { readonly kind: 'disk_full'; readonly durationMs: number }
);

/** What happens at once, after a time in which nothing does. */
export interface Strike {
  readonly calmMs: number;
  readonly faults: readonly Fault[];
}

type Card = { target: string } & (
  | { kind: 'kill'; victim?: 'postmaster' }
  | { kind: 'pause'; victim?: 'patroni'; long?: true }
  | { kind: 'cut'; peer: string }
  | { kind: 'disk_full' }
);

/** `ledger` stands for the one that the seed draws. What the money runs through stands here more than once. */
const DECK: readonly Card[] = [
  { kind: 'kill', target: 'ledger leader' }, { kind: 'kill', target: 'ledger leader', victim: 'postmaster' }, { kind: 'kill', target: 'ledger leader' },
  { kind: 'kill', target: 'ledger replica' }, { kind: 'kill', target: 'ledger replica', victim: 'postmaster' },
  { kind: 'kill', target: 'transactions' }, { kind: 'kill', target: 'transactions' }, { kind: 'kill', target: 'gateway' }, { kind: 'kill', target: 'edge' },
  { kind: 'kill', target: 'pg-router' }, { kind: 'kill', target: 'etcd' }, { kind: 'kill', target: 'kafka' }, { kind: 'kill', target: 'redis' },
  { kind: 'kill', target: 'reporting' }, { kind: 'kill', target: 'audit' }, { kind: 'kill', target: 'users' }, { kind: 'kill', target: 'keycloak' }, { kind: 'kill', target: 'core leader' },
  { kind: 'pause', target: 'ledger leader' }, { kind: 'pause', target: 'ledger leader', long: true }, { kind: 'pause', target: 'ledger leader', victim: 'patroni', long: true },
  { kind: 'pause', target: 'ledger replica' }, { kind: 'pause', target: 'transactions' }, { kind: 'pause', target: 'gateway' }, { kind: 'pause', target: 'edge' },
  { kind: 'pause', target: 'pg-router' }, { kind: 'pause', target: 'etcd' }, { kind: 'pause', target: 'kafka' }, { kind: 'pause', target: 'redis' }, { kind: 'pause', target: 'reporting' },
  { kind: 'cut', target: 'ledger leader', peer: 'ledger replica' }, { kind: 'cut', target: 'ledger leader', peer: 'etcd' }, { kind: 'cut', target: 'ledger leader', peer: 'pg-router' },
  { kind: 'cut', target: 'transactions', peer: 'pg-router' }, { kind: 'cut', target: 'transactions', peer: 'kafka' }, { kind: 'cut', target: 'gateway', peer: 'transactions' },
  { kind: 'cut', target: 'gateway', peer: 'redis' }, { kind: 'cut', target: 'edge', peer: 'gateway' }, { kind: 'cut', target: 'reporting', peer: 'kafka' },
  { kind: 'disk_full', target: 'ledger replica' }, { kind: 'disk_full', target: 'ledger replica' },
];

const SHORT_MS = { least: 5_000, most: 9_000 };
/** Past the 20 s after which Patroni takes the lead from a node that does not renew it. */
const LONG_MS = { least: 23_000, most: 27_000 };
const CALM_MS = { least: 1_000, most: 4_000 };
/** How often a second fault strikes while the first one lasts. What was acknowledged is on two disks: no two processes, and no network, hold it. */
const OVERLAPPING = 0.2;

/** The faults of a run: a pure function of the seed. A deck is dealt to its end before it is mixed again, so that none is left out for long. */
export function scheduleOf(seed: number, faults: number): Strike[] {
  const random = new Random(`${seed}/faults`);
  const strikes: Strike[] = [];
  let deck: Card[] = [];
  const deal = (number: number): Fault => {
    if (deck.length === 0) deck = random.shuffled(DECK);
    return faultOf(random, deck.pop() as Card, number);
  };
  for (let number = 1; number <= faults; number++) {
    const calmMs = random.between(CALM_MS.least, CALM_MS.most);
    const together = [deal(number)];
    if (number < faults && random.chance(OVERLAPPING)) together.push(deal(++number));
    strikes.push({ calmMs, faults: together });
  }
  return strikes;
}

function faultOf(random: Random, card: Card, number: number): Fault {
  const cluster = random.pick(['ledger0', 'ledger1']);
  const named = (role: string): Target => role.replace(/^ledger /, `${cluster} `) as Target;
  const target = named(card.target);
  const range = card.kind === 'pause' && card.long ? LONG_MS : SHORT_MS;
  const durationMs = random.between(range.least, range.most);
  switch (card.kind) {
    case 'kill': return { number, kind: 'kill', target, victim: card.victim ?? 'main' };
    case 'pause': return { number, kind: 'pause', target, victim: card.victim ?? 'all', durationMs };
    case 'cut': return { number, kind: 'cut', target, peer: named(card.peer), durationMs };
    case 'disk_full': return { number, kind: 'disk_full', target, durationMs };
  }
}

/** A fault in words, for people who read along. */
export function described(fault: Fault): string {
  switch (fault.kind) {
    case 'kill': return `kill -9 of ${fault.victim === 'postmaster' ? 'Postgres of ' : ''}${fault.target}`;
    case 'pause': return `SIGSTOP of ${fault.victim === 'patroni' ? 'Patroni of ' : ''}${fault.target} for ${seconds(fault.durationMs)}`;
    case 'cut': return `network cut between ${fault.target} and ${fault.peer} for ${seconds(fault.durationMs)}`;
    case 'disk_full': return `disk full on ${fault.target} for ${seconds(fault.durationMs)}`;
  }
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`;
}
