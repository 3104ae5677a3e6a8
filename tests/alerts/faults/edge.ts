import { frozen, thawed, type Fault } from '../fault.ts';

export const edgeFaults: readonly Fault[] = [
  { alert: 'EdgeUnreachable', what: 'the edge is frozen', labels: { job: 'front-door' }, make: frozen('edge') },
  { alert: 'TlsHandshakeFails', what: 'the backup repository is frozen', labels: { component: 'pgbackrest' }, make: frozen('pgbackrest'), undo: thawed('pgbackrest'), scaled: { for: '15s' } },
];
