import { stopped, type Fault } from '../fault.ts';

export const redisFaults: readonly Fault[] = [
  { alert: 'RedisDown', what: 'Redis is stopped', labels: {}, make: stopped('redis') },
];
