import type { Connection } from '@holdfast/kit/postgres';
import type { CheckpointPlace } from '../checkpoints/checkpoint-file.ts';
import { readRow } from '../checkpoints/checkpoint.ts';
import type { VerifyingKey } from '../checkpoints/signing-key.ts';
import { findEntry } from '../log/log.store.ts';
import { countRows, firstRecordedFrom, readExportLines } from './export.store.ts';
import { hiddenSubtrees } from './hidden.ts';

const FORMAT = 'holdfast-audit-export-1';
const PAGE = 2_000;

/** What cannot be given, in words for the person who asked. */
export class CannotExport extends Error {}

export interface Trail {
  readonly database: Connection;
  readonly place: CheckpointPlace;
  readonly key: VerifyingKey;
  /** Takes text that ends with a line feed, and answers when there is room for more. */
  readonly write: (text: string) => Promise<void>;
  readonly onProgress: (entries: number) => void;
}

/** A sequence, or a point in time. */
export type Bound = string | undefined;

/**
 * Writes entries, all checkpoints, and hashes for the entries that are not shown, so that whoever has the public key can verify it without us.
 * The order is that of `platform/audit-verifier/FORMAT.md`.
 */
export async function writeExport(trail: Trail, bounds: { from?: Bound; to?: Bound }): Promise<number> {
  const { database, place, key, write } = trail;
  // First: all that they sign must be among what is read after them.
  const { last: checkpoint } = await readRow(place.readNotes(), key).catch(() => ({ last: undefined }));
  const { rows, last } = await countRows(database);
  const from = await sequenceOf(database, bounds.from, 'from') ?? 0n;
  const to = await sequenceOf(database, bounds.to, 'to') ?? last;
  const isWhole = bounds.from === undefined && bounds.to === undefined;
  if (!isWhole && (from > to || to > last)) throw new CannotExport(`the log has entries 0 to ${last}, none of them from ${from} to ${to}`);
  await write(line({ format: FORMAT, kind: 'export', origin: key.name }));
  for await (const note of place.readNotes()) await write(line({ checkpoint: note }));
  await hide(trail, 0, Number(from));
  const written = await writeEntries(trail, from, to);
  if (isWhole) await write(line({ end: { rows: rows.toString() } }));
  else if (checkpoint) await hide(trail, Number(to) + 1, checkpoint.size);
  return written;
}

/** One entry, and what leads from it to the first checkpoint that covers it and on to the newest. */
export async function writeProof(trail: Trail, wanted: string): Promise<bigint> {
  const { database, place, key, write } = trail;
  const entry = await findEntry(database, wanted);
  if (!entry) throw new CannotExport(`there is no event and no entry ${wanted}`);
  const { holding } = await readRow(place.readNotes(), key);
  const first = holding.find(({ size }) => size > entry.sequence);
  const newest = holding.at(-1);
  if (!first || !newest) throw new CannotExport(`entry ${entry.sequence} is not covered by a checkpoint yet: one is written every minute`);
  const stops = first.size === newest.size ? [newest] : [first, newest];
  await write(line({ format: FORMAT, kind: 'proof', origin: key.name }));
  const notes = new Map<number, string>();
  for await (const note of place.readNotes()) {
    const [, size, root] = note.split('\n');
    const stop = stops.find((one) => String(one.size) === size && one.root.toString('base64') === root);
    if (stop) notes.set(stop.size, note);
  }
  for (const { size } of stops) await write(line({ checkpoint: notes.get(size) }));
  let shown = Number(entry.sequence);
  await hide(trail, 0, shown);
  await writeEntries(trail, entry.sequence, entry.sequence);
  shown += 1;
  for (const { size } of stops) {
    await hide(trail, shown, size);
    shown = size;
  }
  return entry.sequence;
}

async function hide({ database, write }: Trail, from: number, to: number): Promise<void> {
  if (from < to) await write(line({ hidden_to: String(to), subtrees: await hiddenSubtrees(database, from, to) }));
}

async function writeEntries({ database, write, onProgress }: Trail, from: bigint, to: bigint): Promise<number> {
  let written = 0;
  // The next page is read while this one is taken.
  let next = readExportLines(database, from, to, PAGE);
  for (;;) {
    const page = await next;
    const last = page.at(-1);
    if (!last) return written;
    next = readExportLines(database, last.sequence + 1n, to, PAGE);
    // It may fail before it is waited for.
    next.catch(() => undefined);
    await write(`${page.map((row) => row.line).join('\n')}\n`);
    written += page.length;
    onProgress(written);
  }
}

async function sequenceOf(database: Connection, bound: Bound, which: 'from' | 'to'): Promise<bigint | undefined> {
  if (bound === undefined) return undefined;
  if (/^\d{1,15}$/.test(bound)) return BigInt(bound);
  const time_ms = Date.parse(bound);
  if (Number.isNaN(time_ms)) throw new CannotExport(`"${bound}" is neither the number of an entry nor a time such as 2026-01-31T12:00:00Z`);
  const found = await firstRecordedFrom(database, time_ms);
  if (which === 'to') return found === undefined ? undefined : found - 1n;
  if (found === undefined) throw new CannotExport(`nothing was recorded after ${bound}`);
  return found;
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
