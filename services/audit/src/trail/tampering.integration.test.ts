import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { notesOf, readCheckpoint, writeCheckpoint } from '../checkpoints/checkpoint.ts';
import { signingKey } from '../checkpoints/signing-key.ts';
import { ThrowawayTrail, type Verified } from '../testing/throwaway-trail.ts';
import { writeExport } from './write-export.ts';

/** Entries 0 to 40 are signed, by checkpoints of 1, 11, 21, 31 and 41 entries; 41 to 43 are not yet. */
const SIGNED = 41;
let trail: ThrowawayTrail;
let keptPlaces: string;

beforeAll(async () => {
  trail = await ThrowawayTrail.start();
  const checkpointer = trail.checkpointer();
  await checkpointer.write();
  for (let batch = 0; batch < 4; batch++) {
    await trail.append(10);
    await checkpointer.write();
  }
  await trail.append(3);
  await trail.layOpen();
  keptPlaces = join(trail.directory, 'kept');
  for (const place of ['first', 'second']) await cp(join(trail.directory, place), join(keptPlaces, place), { recursive: true });
}, 120_000);

afterEach(async () => {
  await trail.putBack();
  for (const place of ['first', 'second']) {
    await rm(join(trail.directory, place), { recursive: true, force: true });
    await cp(join(keptPlaces, place), join(trail.directory, place), { recursive: true });
  }
});
afterAll(() => trail?.stop());

const verifyWhole = (copy = false): Promise<Verified> => trail.verified({ copy, work: (one) => writeExport(one, {}) });

/** The stretch of entries that a finding names. */
function stretchOf(where: string): [number, number] {
  const [, from, to = from] = /^entr(?:y|ies) (\d+)(?: to (\d+))?$/.exec(where) ?? [];
  return [Number(from), Number(to)];
}

/** That it is found, and that the first finding names the place within the ten entries of its checkpoint, by the auditor's verifier and by the service's own patrol. */
async function expectFoundAt(place: number): Promise<void> {
  const { verdict, findings } = await verifyWhole();
  expect(verdict).toBe('broken');
  const [from, to] = stretchOf(findings[0]!.where);
  expect({ place, found: findings[0], within: from <= place + 1 && place - 1 <= to && to - from < 10 }).toMatchObject({ within: true });
}

test('a trail that nobody touched is intact, for the auditor and for the patrol', async () => {
  expect(await verifyWhole(true)).toMatchObject({ verdict: 'intact', entries: 44, unsigned_entries: 3, checkpoints_met: 5, findings: [] });
  expect(await trail.database.session((connection) => trail.patrol().walk(connection))).toBe('intact');
});

describe('by a superuser who turns everything off', () => {
  test.each([
    ['sequence', 'sequence = sequence + 1000'], ['previous_hash', 'previous_hash = set_bit(previous_hash, 77, 1 - get_bit(previous_hash, 77))'], ['hash', 'hash = set_bit(hash, 255, 1 - get_bit(hash, 255))'],
    ['recorded_at_ms', 'recorded_at_ms = recorded_at_ms # 1'], ['topic', "topic = 'users.eventr'"], ['epoch', 'epoch = epoch # 2'], ['shard', 'shard = shard # 1'], ['event_sequence', 'event_sequence = event_sequence # 1'],
    ['event', "event = replace(event, 'rent', 'renu')"], ['event_id', "event_id = overlay(event_id::text placing (CASE substr(event_id::text, 1, 1) WHEN '0' THEN '1' ELSE '0' END) from 1)::uuid"],
    ['occurred_at', "occurred_at = occurred_at + interval '1 microsecond'"], ['type', "type = 'user.updatee'"], ['trace_id', "trace_id = 'b' || substr(trace_id, 2)"],
  ])('one bit of the column %s is found, at its entry', async (_, change) => {
    await trail.superuser(`UPDATE audit_log SET ${change} WHERE sequence = 17`);
    const { verdict, findings } = await verifyWhole();
    expect(verdict).toBe('broken');
    expect(findings.map(({ where }) => where)).toContain('entry 17');
  });

  test('any entry changed, removed, inserted or moved is found, also when the whole chain after it is computed anew', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: SIGNED - 2 }), fc.constantFrom('change', 'remove', 'insert', 'swap'), fc.boolean(), async (place, act, rechained) => {
      await trail.putBack();
      await trail.superuser({
        change: `UPDATE audit_log SET event = replace(event, 'rent', 'gift') WHERE sequence = ${place};`,
        remove: `DELETE FROM audit_log WHERE sequence = ${place}; ${rechained ? `UPDATE audit_log SET sequence = sequence - 1 WHERE sequence > ${place};` : ''}`,
        insert: `UPDATE audit_log SET sequence = sequence + 1 WHERE sequence >= ${place};
          INSERT INTO audit_log (sequence, previous_hash, hash, recorded_at_ms, topic, epoch, shard, event_sequence, event, event_id, occurred_at, type)
          SELECT ${place}, previous_hash, hash, recorded_at_ms, 'forged.events', 1, 0, 1, event, event_id, occurred_at, type FROM good WHERE sequence = ${place};`,
        swap: `UPDATE audit_log SET sequence = CASE sequence WHEN ${place} THEN ${place + 1} ELSE ${place} END WHERE sequence IN (${place}, ${place + 1});`,
      }[act] + (rechained ? `SELECT rechain(${place})` : ''));
      await expectFoundAt(place);
      expect(await trail.database.session((connection) => trail.patrol().walk(connection))).toMatchObject({ from: expect.any(Number) });
    }), { numRuns: 24, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true });
  }, 120_000);

  test('the tail cut is found, with the entries that are gone', async () => {
    await trail.superuser('DELETE FROM audit_log WHERE sequence >= 25');
    expect(await verifyWhole()).toMatchObject({ verdict: 'broken', findings: [{ fault: 'tail_cut', where: 'entries 25 to 40' }] });
    expect(await trail.database.session((connection) => trail.patrol().walk(connection))).toMatchObject({ fault: 'tail_cut', from: 25, to: 40 });
  });

  test('a row beside the log, with a number that is there already or with none, is found', async () => {
    await trail.superuser('INSERT INTO audit_log SELECT * FROM audit_log WHERE sequence = 7'.replace('INSERT INTO audit_log SELECT *', 'INSERT INTO audit_log (sequence, previous_hash, hash, recorded_at_ms, topic, epoch, shard, event_sequence, event, event_id, occurred_at, type) SELECT -5, previous_hash, hash, recorded_at_ms, topic, epoch, shard, event_sequence, event, event_id, occurred_at, type'));
    expect((await verifyWhole()).findings).toMatchObject([{ fault: 'inserted', where: 'the log' }]);
  });

  test('the clock turned back is found, at the entry, even where nothing is signed yet', async () => {
    await trail.superuser('UPDATE audit_log SET recorded_at_ms = recorded_at_ms - 3600000 WHERE sequence = 42; SELECT rechain(42)');
    expect((await verifyWhole()).findings).toMatchObject([{ fault: 'clock_turned_back', where: 'entry 42' }]);
  });

  test('an event that was left out of what is not signed yet shows as a gap in its stream', async () => {
    await trail.superuser('DELETE FROM audit_log WHERE sequence = 42; UPDATE audit_log SET sequence = 42 WHERE sequence = 43; SELECT rechain(42)');
    expect((await verifyWhole()).findings).toMatchObject([{ fault: 'stream_gap', where: 'entry 42' }]);
  });
});

describe('what was rewritten is never signed', () => {
  test.each([
    ['a signed entry, and the chain after it', "UPDATE audit_log SET event = replace(event, 'rent', 'gift') WHERE sequence = 30; SELECT rechain(30)"],
    ['a new entry, without its hash', "UPDATE audit_log SET event = replace(event, 'rent', 'gift') WHERE sequence = 42"],
    ['the tail', 'DELETE FROM audit_log WHERE sequence >= 25'],
  ])('%s', async (_, statement) => {
    await trail.superuser(statement);
    await expect(trail.checkpointer().write()).rejects.toThrow('not as it was signed');
    // Also by a service that has lost what it had put aside.
    await rm(join(trail.directory, 'first', 'tree.json'));
    await expect(trail.checkpointer().write()).rejects.toThrow('not as it was signed');
  });

  test('nor does a clock that was turned back sign', async () => {
    await expect(trail.checkpointer(() => Date.now() - 3_600_000).write()).rejects.toThrow('turned back');
  });
});

describe('checkpoints', () => {
  const rewrite = async (change: (notes: string[]) => string[], place = trail.place): Promise<void> => {
    const notes = notesOf(await readFile(place.path, 'utf8'));
    await writeFile(place.path, change(notes).map((note) => `${note}\n`).join(''));
  };

  test.each<[string, (notes: string[]) => string[], string]>([
    ['of which a bit was changed', (notes) => notes.with(2, notes[2]!.replace(/\n21\n/, '\n20\n')), 'checkpoint 3'],
    ['replaced by one of another key', (notes) => {
      const other = signingKey(Buffer.alloc(32, 9).toString('base64url'));
      return notes.with(2, writeCheckpoint(readCheckpoint(notes[2]!, trail.key), readCheckpoint(notes[1]!, trail.key), other).note);
    }, 'checkpoint 3'],
    ['replaced by an older one that is signed', (notes) => notes.with(3, notes[2]!), 'checkpoint 4'],
    ['taken out', (notes) => notes.toSpliced(2, 1), 'checkpoint 3'],
    ['moved', (notes) => [notes[0]!, notes[2]!, notes[1]!, notes[3]!, notes[4]!], 'checkpoint 2'],
  ])('%s are found, at their place', async (_, change, where) => {
    await rewrite(change);
    const { verdict, findings } = await verifyWhole();
    expect(verdict).toBe('broken');
    expect(findings[0]!.where).toContain(where);
  });

  test('cut off together with what they sign are found by the second place', async () => {
    await rewrite((notes) => notes.slice(0, 3));
    await trail.superuser('DELETE FROM audit_log WHERE sequence >= 21');
    expect((await verifyWhole()).verdict).toBe('intact');
    const { findings } = await verifyWhole(true);
    expect(findings).toMatchObject([{ fault: 'checkpoint_missing', where: 'checkpoint 4' }, { fault: 'tail_cut', where: 'entries 21 to 40' }]);
    // The service does not go on as if nothing had been.
    await expect(trail.checkpointer().write()).rejects.toThrow('has a checkpoint that the first has not');
  });

  test('that the second place missed while it was away are there once it is back', async () => {
    await rewrite((notes) => notes.slice(0, 2), trail.secondPlace);
    await trail.checkpointer().write();
    expect(await readFile(trail.secondPlace.path, 'utf8')).toBe(await readFile(trail.place.path, 'utf8'));
    expect(await verifyWhole(true)).toMatchObject({ verdict: 'intact', unsigned_entries: 0 });
  });

  test('are fetched back from the second place where the first was lost with its machine, and hold the log as before', async () => {
    await rm(join(trail.directory, 'first'), { recursive: true });
    await trail.checkpointer().write();
    expect(await verifyWhole(true)).toMatchObject({ verdict: 'intact', checkpoints_met: 6 });
    await trail.putBack();
    await rm(join(trail.directory, 'first'), { recursive: true });
    await trail.superuser('DELETE FROM audit_log WHERE sequence >= 25');
    await expect(trail.checkpointer().write()).rejects.toThrow('are gone');
  });
});
