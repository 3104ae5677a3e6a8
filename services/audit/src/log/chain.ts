import { hash } from 'node:crypto';

/** What is hashed of an entry. */
export interface Content {
  readonly sequence: bigint;
  /** Milliseconds since 1970. */
  readonly recordedAt_ms: bigint;
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
 * `holdfast-audit-1`, the entry's sequence, the hash of the entry before it in lower-case hexadecimal, when it was recorded (milliseconds
 * since 1970), topic, epoch, shard, the event's sequence, and last the event. No line but the last can hold a line feed, so no two entries have the same lines.
 * `printf '%s\n%s…' … | sha256sum` gives the same; the database has it as a constraint (migrations/0001_audit_log.sql).
 */
export function hashOf(content: Content, previousHash: Buffer): Buffer {
  const { sequence, recordedAt_ms, topic, epoch, shard, eventSequence, event } = content;
  return hash('sha256', `holdfast-audit-1\n${sequence}\n${previousHash.toString('hex')}\n${recordedAt_ms}\n${topic}\n${epoch}\n${shard}\n${eventSequence}\n${event}`, 'buffer');
}

/** Links new events to the entry that is last so far. */
export function chain<Event extends Omit<Content, 'sequence'>>(head: { sequence: bigint; hash: Buffer }, events: readonly Event[]): (Event & Entry)[] {
  let { sequence, hash: last } = head;
  return events.map((event) => {
    const previousHash = last;
    sequence += 1n;
    const content = { ...event, sequence };
    last = hashOf(content, previousHash);
    return { ...content, previousHash, hash: last };
  });
}

export type Fault = 'missing' | 'content_changed' | 'not_chained';

/** The first entry that is not what it must be, given the entry that precedes them all; undefined if there is none. */
export function firstFault(before: { sequence: bigint; hash: Buffer }, entries: readonly Entry[]): { sequence: bigint; fault: Fault } | undefined {
  let { sequence, hash: last } = before;
  for (const entry of entries) {
    sequence += 1n;
    if (entry.sequence !== sequence) return { sequence, fault: 'missing' };
    if (!entry.previousHash.equals(last)) return { sequence, fault: 'not_chained' };
    if (!hashOf(entry, entry.previousHash).equals(entry.hash)) return { sequence, fault: 'content_changed' };
    last = entry.hash;
  }
  return undefined;
}
