import { createHash } from 'node:crypto';

/** What is hashed of an entry. */
export interface Content {
  readonly sequence: bigint;
  readonly topic: string;
  readonly epoch: number;
  readonly shard: number;
  readonly eventSequence: bigint;
  /** The event's JSON, to the byte as it is kept. */
  readonly event: string;
}

export interface Link {
  readonly previousHash: Buffer;
  readonly hash: Buffer;
}

export type Entry = Content & Link;

export const GENESIS_PREVIOUS_HASH = Buffer.alloc(32);

/**
 * The hash of an entry: SHA-256 of these lines in UTF-8, parted by single line feeds, with none at the end:
 * `holdfast-audit-1`, the entry's sequence, the hash of the entry before it in lower-case hexadecimal, topic, epoch, shard, the event's
 * sequence, and last the event. No line but the last can hold a line feed, so no two entries have the same lines.
 * `printf '%s\n%s…' … | sha256sum` gives the same; the database has it as a constraint (migrations/0001_audit_log.sql).
 */
export function hashOf(content: Content, previousHash: Buffer): Buffer {
  const { sequence, topic, epoch, shard, eventSequence, event } = content;
  return createHash('sha256')
    .update(['holdfast-audit-1', sequence, previousHash.toString('hex'), topic, epoch, shard, eventSequence, event].join('\n'))
    .digest();
}

/** Links new events to the entry that is last so far. */
export function chain<Event extends Omit<Content, 'sequence'>>(head: { sequence: bigint; hash: Buffer }, events: readonly Event[]): (Event & Entry)[] {
  let { sequence, hash } = head;
  return events.map((event) => {
    const previousHash = hash;
    sequence += 1n;
    const content = { ...event, sequence };
    hash = hashOf(content, previousHash);
    return { ...content, previousHash, hash };
  });
}

export type Fault = 'missing' | 'content_changed' | 'not_chained';

/** The first entry that is not what it must be, given the entry that precedes them all; undefined if there is none. */
export function firstFault(before: { sequence: bigint; hash: Buffer }, entries: readonly Entry[]): { sequence: bigint; fault: Fault } | undefined {
  let { sequence, hash } = before;
  for (const entry of entries) {
    sequence += 1n;
    if (entry.sequence !== sequence) return { sequence, fault: 'missing' };
    if (!entry.previousHash.equals(hash)) return { sequence, fault: 'not_chained' };
    if (!hashOf(entry, entry.previousHash).equals(entry.hash)) return { sequence, fault: 'content_changed' };
    hash = entry.hash;
  }
  return undefined;
}
