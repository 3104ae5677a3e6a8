import { started, stopped, type Fault } from '../fault.ts';

export const logsFaults: readonly Fault[] = [
  { alert: 'LogsNotDelivered', what: 'the shipper is stopped', labels: {}, make: stopped('logs'), undo: started('logs'), scaled: { for: '15s' } },
];
