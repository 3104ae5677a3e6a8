import { hash } from 'node:crypto';
import { isSignedBy, type SigningKey, type VerifyingKey } from './signing-key.ts';

/** What an authorised restore says of itself, in the checkpoint that makes it valid. */
export interface RestoreRecord {
  readonly by: string;
  readonly why: string;
  /** Checkpoints of more entries than these no longer hold: what they covered is gone with the restore. */
  readonly kept: number;
}

export interface Head {
  readonly size: number;
  readonly root: Buffer;
  readonly time_ms: number;
  /** Hash of the last entry in the chain. */
  readonly head: Buffer;
  /** Begins with 1; one more with each authorised restore. */
  readonly epoch: number;
  readonly restore: RestoreRecord | undefined;
}

export interface Checkpoint extends Head {
  /** SHA-256 of the checkpoint before it, from the first byte to the line feed after its signature. */
  readonly previous: string;
  /** The whole of it, as it is written. */
  readonly note: string;
}

export const NO_CHECKPOINT = '0'.repeat(64);

/**
 * A checkpoint as C2SP's tlog-checkpoint and signed-note have it: origin, size, root in base64, and lines of ours (all of them signed); an empty line; the signature.
 * `platform/audit-verifier/FORMAT.md` describes it for auditors.
 */
export function writeCheckpoint(head: Head, previous: Checkpoint | undefined, key: SigningKey): Checkpoint {
  const previousHash = previous ? hash('sha256', previous.note, 'hex') : NO_CHECKPOINT;
  const text = [
    key.name, head.size, head.root.toString('base64'), `time ${new Date(head.time_ms).toISOString()}`, `head ${head.head.toString('hex')}`, `previous ${previousHash}`,
    `epoch ${head.epoch}`, ...(head.restore ? [`restore ${JSON.stringify(head.restore)}`] : []), '',
  ].join('\n');
  return { ...head, previous: previousHash, note: `${text}\n— ${key.name} ${Buffer.concat([key.id, key.sign(text)]).toString('base64')}\n` };
}

const NOTE = new RegExp([
  '^(?<origin>\\S+)', '(?<size>\\d{1,15})', '(?<root>[A-Za-z0-9+/]{43}=)', 'time (?<time>\\S+)', 'head (?<head>[0-9a-f]{64})', 'previous (?<previous>[0-9a-f]{64})',
  'epoch (?<epoch>\\d{1,9})(?:\nrestore (?<restore>.+))?', '', '— (?<name>\\S+) (?<signature>[A-Za-z0-9+/=]+)\n$',
].join('\n'));

/** One checkpoint, verified. Throws if it is not one, or not signed by this key. */
export function readCheckpoint(note: string, key: VerifyingKey): Checkpoint {
  const { checkpoint, isSigned } = parse(note, key);
  if (!isSigned()) throw new Error(`the checkpoint of ${checkpoint.size} entries is not signed by ${key.name}`);
  return checkpoint;
}

function parse(note: string, key: VerifyingKey): { checkpoint: Checkpoint; isSigned: () => boolean } {
  const parts = NOTE.exec(note)?.groups;
  if (!parts) throw new Error('this is not a checkpoint');
  const signature = Buffer.from(parts.signature ?? '', 'base64');
  const text = note.slice(0, note.lastIndexOf('\n\n') + 1);
  return {
    isSigned: () => parts.origin === key.name && parts.name === key.name && signature.subarray(0, 4).equals(key.id) && isSignedBy(key, text, signature.subarray(4)),
    checkpoint: {
      size: Number(parts.size), root: Buffer.from(parts.root ?? '', 'base64'), time_ms: Date.parse(parts.time ?? ''), head: Buffer.from(parts.head ?? '', 'hex'),
      epoch: Number(parts.epoch), restore: parts.restore === undefined ? undefined : JSON.parse(parts.restore) as RestoreRecord, previous: parts.previous ?? '', note,
    },
  };
}

/** The notes of a file of checkpoints, in which they stand one after the other, each followed by an empty line. */
export function notesOf(file: string): string[] {
  const parts = file.split('\n\n');
  const notes: string[] = [];
  for (let index = 0; index + 1 < parts.length; index += 2) notes.push(`${parts[index]}\n\n${parts[index + 1]}\n`);
  return notes;
}

/** Of a checkpoint, what the log must agree with. */
export interface Holding {
  readonly size: number;
  readonly root: Buffer;
  readonly time_ms: number;
}

/**
 * Reads checkpoints as a row: each naming the one before it, never fewer entries nor an earlier time, except by an authorised restore; and the last one signed,
 * which stands for all, as it names the hash of the one before it, and that of the one before. Throws at the first that does not fit.
 * `holding` are those that the log must agree with today: a restore releases it from the checkpoints of what it gave up, and of one size the latest is enough.
 */
export async function readRow(notes: AsyncIterable<string> | Iterable<string>, key: VerifyingKey): Promise<{ holding: Holding[]; last: Checkpoint | undefined }> {
  const holding: Holding[] = [];
  let last: Checkpoint | undefined;
  let isSigned = (): boolean => true;
  for await (const note of notes) {
    const read = parse(note, key);
    assertFollows(read.checkpoint, last);
    last = read.checkpoint;
    isSigned = read.isSigned;
    const { restore, size, root, time_ms } = last;
    while (holding.length > 0 && (restore ? (holding.at(-1)?.size ?? 0) > restore.kept : holding.at(-1)?.size === size && holding.at(-1)?.root.equals(root))) holding.pop();
    holding.push({ size, root, time_ms });
  }
  if (!isSigned()) throw new Error(`the last checkpoint, of ${last?.size} entries, is not signed by ${key.name}`);
  return { holding, last };
}

export function assertFollows(checkpoint: Checkpoint, before: Checkpoint | undefined): void {
  const named = before ? hash('sha256', before.note, 'hex') : NO_CHECKPOINT;
  const told = `the checkpoint of ${checkpoint.size} entries (${new Date(checkpoint.time_ms).toISOString()})`;
  if (checkpoint.previous !== named) throw new Error(`${told} does not name the one before it: one was replaced or taken out`);
  if (before && checkpoint.time_ms < before.time_ms) throw new Error(`${told} is earlier than the one before it`);
  const epoch = (before?.epoch ?? 1) + (checkpoint.restore ? 1 : 0);
  if (checkpoint.epoch !== epoch) throw new Error(`${told} is of epoch ${checkpoint.epoch}, not ${epoch}`);
  if (before && !checkpoint.restore && checkpoint.size < before.size) throw new Error(`${told} has fewer entries than the one before it`);
}
