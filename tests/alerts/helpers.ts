// The faults of etcd import it from here; their rows of FIRED.md are true of that file as it is.
export { syncsInTime, syncsLate } from './late-syncs.ts';
