import type { Fault } from '../fault.ts';

export const machineFaults: readonly Fault[] = [
  { alert: 'DiskAlmostFull', what: 'the threshold is 99.9 % free', labels: { mountpoint: '/' }, make: () => Promise.resolve(), scaled: { for: '15s', number: ['0.10', '0.999'] } },
];
