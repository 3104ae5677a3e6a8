import type { Fault } from '../fault.ts';

export const machineFaults: readonly Fault[] = [
  { alert: 'DiskAlmostFull', what: 'nothing is broken: the threshold is 99.9 % free', labels: { mountpoint: '/' }, scaled: { for: '15s', number: ['0.10', '0.999'] } },
];
