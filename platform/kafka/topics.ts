import type { AclEntry, ITopicConfig } from 'kafkajs';
import type { ComponentName } from '../components.ts';

/** A topic: how it is cut, how long it is kept, and the only components that may write and read it. */
interface TopicDeclaration {
  name: string;
  partitions: number;
  kept_ms: number;
  writers: readonly ComponentName[];
  /** Each reads as the consumer group of its own name. */
  readers: readonly ComponentName[];
}

const DAY_MS = 86_400_000;

// Events outlive any outage of a reader, and a read model that must be rebuilt from further back comes from the outbox.
const declarations: readonly TopicDeclaration[] = [
  // The partition is the shard: eight, so that shards can be added without moving the events of those that are there.
  { name: 'ledger.events', partitions: 8, kept_ms: 30 * DAY_MS, writers: ['transactions'], readers: ['reporting', 'audit'] },
  { name: 'users.events', partitions: 1, kept_ms: 30 * DAY_MS, writers: ['users'], readers: ['audit'] },
  { name: 'security.events', partitions: 1, kept_ms: 30 * DAY_MS, writers: ['gateway'], readers: ['audit'] },
];

export type Topic = ITopicConfig & Required<Pick<ITopicConfig, 'numPartitions' | 'replicationFactor' | 'configEntries'>>;
export type Acl = AclEntry;

/** As `admin.createTopics({ topics })` takes them. */
export const topics: Topic[] = declarations.map((topic) => ({
  topic: topic.name,
  numPartitions: topic.partitions,
  replicationFactor: 1,
  configEntries: [
    { name: 'retention.ms', value: String(topic.kept_ms) },
    { name: 'min.insync.replicas', value: '1' },
    // There is one copy: an acknowledged event must survive a power cut, or its readers stop at the gap.
    { name: 'flush.messages', value: '1' },
    // The event's own time is in it; the log's order and retention go by when the broker stored it.
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    { name: 'compression.type', value: 'producer' },
  ],
}));

// The codes of Kafka's protocol, as kafkajs enumerates them; written out, so that this file runs without a client library.
const ANY_HOST = '*';
const ALLOW = 3;
const LITERAL = 3;
const resource = { topic: 2, group: 3 } as const;
const operation = { read: 3, write: 4 } as const;

function allow(component: ComponentName, may: keyof typeof operation, on: keyof typeof resource, name: string): Acl {
  return {
    principal: `User:${component}`, host: ANY_HOST, permissionType: ALLOW, operation: operation[may],
    resourceType: resource[on], resourceName: name, resourcePatternType: LITERAL,
  };
}

const groups = new Set(declarations.flatMap((topic) => topic.readers));

/** Who can read all events once more, as a group of its own beside the one that goes on: `holdfast rebuild`. */
const rebuilders: readonly ComponentName[] = ['reporting'];

/**
 * As `admin.createAcls({ acl })` takes them. Writing and reading imply describing; an idempotent producer needs nothing more.
 * A writer may describe its topic and not read it.
 */
export const acls: Acl[] = [
  ...declarations.flatMap((topic) => [
    ...topic.writers.map((writer) => allow(writer, 'write', 'topic', topic.name)),
    ...topic.readers.map((reader) => allow(reader, 'read', 'topic', topic.name)),
  ]),
  ...[...groups].map((reader) => allow(reader, 'read', 'group', reader)),
  ...rebuilders.map((reader) => allow(reader, 'read', 'group', `${reader}-rebuild`)),
];
