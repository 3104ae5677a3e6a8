import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { notesOf, readCheckpoint, readRow, writeCheckpoint, type Checkpoint, type Head } from './checkpoint.ts';
import { signingKey } from './signing-key.ts';

const key = signingKey(Buffer.alloc(32, 1).toString('base64url'));
const other = signingKey(Buffer.alloc(32, 2).toString('base64url'));
const head = (size: number, more: Partial<Head> = {}): Head => ({ size, root: Buffer.alloc(32, size), time_ms: 1_800_000_000_000 + size * 60_000, head: Buffer.alloc(32, 9), epoch: 1, restore: undefined, ...more });

function row(...heads: Head[]): Checkpoint[] {
  const checkpoints: Checkpoint[] = [];
  for (const one of heads) checkpoints.push(writeCheckpoint(one, checkpoints.at(-1), key));
  return checkpoints;
}
const notes = (checkpoints: readonly Checkpoint[]): string[] => checkpoints.map(({ note }) => note);

test('the key of RFC 8032, section 7.1, test 1, signs as it says there', () => {
  const vector = signingKey(Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex').toString('base64url'));
  expect(vector.key.export({ format: 'jwk' }).x).toBe(Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex').toString('base64url'));
  expect(vector.sign('').toString('hex')).toBe('e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b');
});

test('a checkpoint reads as it was written, also from a file of many', async () => {
  const checkpoints = row(head(1), head(5), head(5, { time_ms: 1_900_000_000_000 }), head(3, { epoch: 2, time_ms: 1_900_000_000_001, restore: { by: 'root', why: 'a disk\nwas lost', kept: 2 } }));
  const file = checkpoints.map(({ note }) => `${note}\n`).join('');
  expect(notesOf(file).map((note) => readCheckpoint(note, key))).toEqual(checkpoints);
  expect((await readRow(notesOf(file), key)).last).toEqual(checkpoints[3]);
});

test('a checkpoint of which any byte was changed is refused', () => {
  const [checkpoint] = row(head(12, { restore: { by: 'root', why: 'because', kept: 2 }, epoch: 2 }));
  const bytes = Buffer.from(checkpoint!.note);
  fc.assert(fc.property(fc.nat(bytes.length - 1), fc.nat(7), (place, bit) => {
    const changed = Buffer.from(bytes);
    changed[place] = changed[place]! ^ (1 << bit);
    // Base64 leaves bits of its last digit unused; another text that says the same is refused as well, but by the one that names its hash.
    if (Buffer.from(changed.toString().split(' ').at(-1)!, 'base64').equals(Buffer.from(checkpoint!.note.split(' ').at(-1)!, 'base64')) && place > bytes.length - 6) return;
    expect(() => readCheckpoint(changed.toString(), key)).toThrow();
  }), { numRuns: 300 });
});

describe('a row of checkpoints is refused', () => {
  const good = row(head(1), head(5), head(9), head(12));
  test('with one that another key signed', async () => {
    await expect(readRow(notes([...good, writeCheckpoint(head(13), good[3], other)]), key)).rejects.toThrow('not signed');
  });
  test('with one taken out, replaced by another of the same key, or moved', async () => {
    await expect(readRow(notes(good.toSpliced(1, 1)), key)).rejects.toThrow('does not name');
    await expect(readRow(notes(good.with(1, writeCheckpoint(head(6), good[0], key))), key)).rejects.toThrow('does not name');
    await expect(readRow(notes([good[0]!, good[2]!, good[1]!]), key)).rejects.toThrow('does not name');
    await expect(readRow(notes(good.slice(1)), key)).rejects.toThrow('does not name');
  });
  test('that shrinks, goes back in time, or jumps an epoch', async () => {
    await expect(readRow(notes(row(head(5), head(4, { time_ms: 1_900_000_000_000 }))), key)).rejects.toThrow('fewer entries');
    await expect(readRow(notes(row(head(5), head(6, { time_ms: 1 }))), key)).rejects.toThrow('earlier');
    await expect(readRow(notes(row(head(5), head(6, { epoch: 2 }))), key)).rejects.toThrow('of epoch 2');
  });
});

test('after an authorised restore, checkpoints of what was kept hold on, and those of what was given up no longer do', async () => {
  const restored = head(6, { epoch: 2, time_ms: 1_900_000_000_000, restore: { by: 'root', why: 'because', kept: 5 } });
  const checkpoints = row(head(1), head(5), head(9), restored, { ...head(7), epoch: 2, time_ms: 1_900_000_000_001 });
  expect((await readRow(notes(checkpoints), key)).holding.map(({ size }) => size)).toEqual([1, 5, 6, 7]);
});
