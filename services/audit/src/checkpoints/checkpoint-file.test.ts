import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointPlace } from './checkpoint-file.ts';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.ts';
import { signingKey } from './signing-key.ts';

const key = signingKey(Buffer.alloc(32, 1).toString('base64url'));
let directory: string;
let place: CheckpointPlace;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-checkpoints-'));
  place = new CheckpointPlace(directory);
});
afterEach(() => rm(directory, { recursive: true }));

async function fill(count: number, why?: string): Promise<Checkpoint[]> {
  const checkpoints: Checkpoint[] = [];
  for (let size = 1; size <= count; size++) {
    const restore = why !== undefined && size === 2 ? { by: 'root', why, kept: 1 } : undefined;
    const epoch = (checkpoints.at(-1)?.epoch ?? 1) + (restore ? 1 : 0);
    const next = writeCheckpoint({ size, root: Buffer.alloc(32, size), time_ms: 1_800_000_000_000 + size, head: Buffer.alloc(32), epoch, restore }, checkpoints.at(-1), key);
    await place.append(next);
    checkpoints.push(next);
  }
  return checkpoints;
}

test('what was written is read, as a row and its last, however long the file is', async () => {
  expect(await place.readLast(key)).toBeUndefined();
  const checkpoints = await fill(120, `— a reason\n\n— that looks like a signature ${'x'.repeat(1_800)}`);
  const read: Checkpoint[] = [];
  for await (const note of place.readNotes()) read.push(readCheckpoint(note, key));
  expect(read).toEqual(checkpoints);
  expect(await place.readLast(key)).toEqual(checkpoints.at(-1));
});

describe('a crash in the middle of a checkpoint', () => {
  test('is mended, wherever it was, and all before it stays', async () => {
    const checkpoints = await fill(3);
    const whole = await readFile(place.path, 'utf8');
    const half = `${checkpoints[2]!.note}\n`;
    for (let length = 1; length < half.length; length += 3) {
      await appendFile(place.path, half.slice(0, length));
      expect(await place.readLast(key)).toEqual(checkpoints[2]);
      expect(await place.mendEnd()).toBe(true);
      expect(await readFile(place.path, 'utf8')).toBe(whole);
    }
    expect(await place.mendEnd()).toBe(false);
  });

  test('also of the first', async () => {
    await fill(1);
    await truncate(place.path, 50);
    expect(await place.readLast(key)).toBeUndefined();
    expect(await place.mendEnd()).toBe(true);
    expect(await readFile(place.path, 'utf8')).toBe('');
  });
});

test('a last checkpoint that was changed is not taken for one', async () => {
  await fill(2);
  const text = await readFile(place.path, 'utf8');
  await writeFile(place.path, text.replace(/\n2\n/, '\n3\n'));
  await expect(place.readLast(key)).rejects.toThrow('not signed');
});
