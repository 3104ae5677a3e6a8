import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOCK_ENTRIES } from '../tree/merkle.ts';
import { ThrowawayTrail } from '../testing/throwaway-trail.ts';
import { authoriseRestore, RestoreAuthorisation } from './authorise-restore.ts';
import { writeExport, writeProof } from './write-export.ts';

let trail: ThrowawayTrail;
const authorisation = RestoreAuthorisation.parse({ by: 'root@host', why: 'the disk\u2028was lost', target: '2026-01-01T00:00:00Z' });

beforeAll(async () => {
  trail = await ThrowawayTrail.start();
  const checkpointer = trail.checkpointer();
  for (const count of [300, 300, 200]) {
    await trail.append(count);
    await checkpointer.write();
  }
}, 120_000);
afterAll(() => trail?.stop());

test('any part of the trail, and any one event, can be proven without the rest of it', async () => {
  for (const [from, to] of [[0, 0], [1, 5], [255, 256], [256, 511], [300, 700], [799, 800], [10, 790]] as const) {
    const verified = await trail.verified({ copy: true, work: (one) => writeExport(one, { from: String(from), to: String(to) }) });
    expect(verified).toMatchObject({ verdict: 'intact', entries: to - from + 1, hidden_entries: 801 - (to - from + 1), findings: [] });
  }
  for (const sequence of [0, 1, 255, 256, 300, 301, 600, 601, 800]) {
    expect(await trail.verified({ copy: true, work: (one) => writeProof(one, String(sequence)) })).toMatchObject({ verdict: 'intact', entries: 1, hidden_entries: 800 });
  }
}, 60_000);

test('an event is proven by its id, and what is not signed yet is said so', async () => {
  const [row] = await trail.database.query<{ event_id: string }>('SELECT event_id FROM audit_log WHERE sequence = 77');
  expect(await trail.verified({ work: (one) => writeProof(one, row!.event_id) })).toMatchObject({ verdict: 'intact', entries: 1 });
  await trail.append(1);
  await expect(trail.verified({ work: (one) => writeProof(one, '801') })).rejects.toThrow('not covered by a checkpoint yet');
  await expect(trail.verified({ work: (one) => writeProof(one, '99999') })).rejects.toThrow('there is no event');
});

test('a proof of which anything that counts was changed proves nothing', async () => {
  const lines: string[] = [];
  await writeProof({ database: trail.database, place: trail.place, key: trail.key, onProgress: () => undefined, write: async (text) => void lines.push(text) }, '310');
  const proof = lines.join('');
  const digits = [...proof.matchAll(/[0-9a-f]{64}/g)].map((match) => match.index);
  const file = join(trail.directory, 'proof.ndjson');
  await fc.assert(fc.asyncProperty(fc.constantFrom(...digits), fc.nat(63), async (start, offset) => {
    const place = start + offset;
    await writeFile(file, proof.slice(0, place) + (proof[place] === '0' ? '1' : '0') + proof.slice(place + 1));
    expect((await trail.verifiedFile(file)).verdict).toBe('broken');
  }), { numRuns: 15 });
}, 60_000);

test('subtrees that somebody spoiled in the database make a proof that its verifier refuses, and the trail is as good as before', async () => {
  const [stored] = await trail.database.query<{ blocks: bigint }>('SELECT count(*) AS blocks FROM tree_block');
  expect(stored!.blocks).toBe(BigInt(Math.floor(801 / BLOCK_ENTRIES)));
  await trail.superuser("CREATE TABLE good_blocks AS SELECT * FROM tree_block; UPDATE tree_block SET hash = sha256('x') WHERE block = 0");
  expect((await trail.verified({ work: (one) => writeProof(one, '700') })).verdict).toBe('broken');
  expect((await trail.verified({ work: (one) => writeExport(one, {}) })).verdict).toBe('intact');
  await trail.superuser('UPDATE tree_block SET hash = good_blocks.hash FROM good_blocks WHERE tree_block.block = good_blocks.block');
});

test('a restore that nobody authorised is a cut tail; authorised, it is told as what it was, and the trail goes on', async () => {
  await trail.checkpointer().write();
  // As a restore to an earlier point leaves the database: all of it, positions included.
  await trail.superuser("DELETE FROM audit_log WHERE sequence > 450; UPDATE consumer_position SET sequence = 450; DELETE FROM tree_block WHERE block > 0");
  await expect(trail.checkpointer().write()).rejects.toThrow('entries 451 to 801 are gone');
  expect(await trail.verified({ work: (one) => writeExport(one, {}) })).toMatchObject({ verdict: 'broken', findings: [{ fault: 'tail_cut', where: 'entries 451 to 801' }] });

  expect(await authoriseRestore(trail.database, trail.checkpointer(), authorisation)).toMatchObject({ size: 452, epoch: 2, restore: { by: 'root@host', why: 'the disk was lost', kept: 451 } });
  const checkpointer = trail.checkpointer();
  await checkpointer.write();
  const verified = await trail.verified({ copy: true, work: (one) => writeExport(one, {}) });
  expect(verified).toMatchObject({ verdict: 'intact', findings: [], restores: [{ by: 'root@host', why: 'the disk was lost', gave_up: 'entries 451 to 801' }] });
  // It is an entry as well, which tells who.
  const [entry] = await trail.database.query<{ type: string; event: string }>('SELECT type, event FROM audit_log WHERE sequence = 451');
  expect(entry).toMatchObject({ type: 'trail.restored' });
  expect(JSON.parse(entry!.event)).toMatchObject({ actor: 'root@host', data: { target: '2026-01-01T00:00:00Z' } });
  expect(await trail.database.session((connection) => trail.patrol().walk(connection))).toBe('intact');
});

test('what was kept cannot be rewritten under cover of a restore', async () => {
  await trail.layOpen();
  const before = await readFile(trail.place.path, 'utf8');
  await trail.superuser("DELETE FROM audit_log WHERE sequence > 400; UPDATE audit_log SET event = replace(event, 'rent', 'gift') WHERE sequence = 250; SELECT rechain(250)");
  await expect(authoriseRestore(trail.database, trail.checkpointer(), authorisation)).rejects.toThrow('not as it was signed');
  expect(await readFile(trail.place.path, 'utf8')).toBe(before);
});
