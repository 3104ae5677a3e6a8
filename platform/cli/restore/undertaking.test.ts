import { beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awaited, goOn, newId, pastRestores, readUndertakings, refuseUnfinishedRestore, saveUndertaking, unfinished, type Stage, type Step, type Undertaking, type Work } from './undertaking.ts';

let instance: { directory: string };
let undertaking: Undertaking;
let ran: string[];

beforeEach(() => {
  instance = { directory: mkdtempSync(join(tmpdir(), 'holdfast-restore-')) };
  ran = [];
  undertaking = {
    id: newId(new Date('2026-01-31T10:00:00.123Z')), kind: 'restore', to: 'latest', by: 'test', reason: 'a test', began_at: '2026-01-31T10:00:00Z', stopped: [], done: [], old_data: 'kept',
    clusters: [{ cluster: 'ledger0', node: 'ledger0-a', others: ['ledger0-b'], ended_timeline: 4, source: { kind: 'repository', backup: 'F', options: [] } }],
  };
});

const step = (name: string, work: () => void = () => undefined): Step => ({ name, label: name, run: async () => { ran.push(name); work(); } });
const show = (_: string, work: Step['run']): Promise<void> => work(() => undefined);
const save = (): Promise<void> => saveUndertaking(instance, undertaking);

/** What the next process reads of it. */
async function readAgain(): Promise<Undertaking> {
  const open = unfinished(await readUndertakings(instance));
  if (!open) throw new Error('nothing is open');
  return open;
}

describe('a restore that was interrupted', () => {
  test('goes on with the step that it was at, and does none twice', async () => {
    await save();
    await expect(goOn(undertaking, [step('fetch'), step('recover', () => { throw new Error('killed'); }), step('place')], save, show)).rejects.toThrow('killed');
    undertaking = await readAgain();
    expect(undertaking.done).toEqual(['fetch']);
    await goOn(undertaking, [step('fetch'), step('recover'), step('place')], save, show);
    expect(ran).toEqual(['fetch', 'recover', 'recover', 'place']);
    expect(await readAgain()).toMatchObject({ done: ['fetch', 'recover', 'place'], took_s: { fetch: expect.any(Number), recover: expect.any(Number), place: expect.any(Number) } });
  });

  test('goes on with those clusters only that were not done, though they were at work at the same time', async () => {
    const at = (cluster: string, work: () => Promise<void>) => ({ cluster, works: [{ name: `fetch ${cluster}`, run: async () => { ran.push(cluster); await work(); } }] });
    const slow = Promise.withResolvers<void>();
    const stage = (fails: boolean): Stage => ({ name: 'fetch', label: 'fetch', lanes: [at('core', () => slow.promise), at('ledger0', () => (fails ? Promise.reject(new Error('killed')) : Promise.resolve())), at('ledger1', () => Promise.resolve())] });
    let isOver = false;
    const first = goOn(undertaking, [stage(true), step('place')], save, show).finally(() => { isOver = true; });
    const told = expect(first).rejects.toThrow('killed');
    while (undertaking.done.length < 1) await new Promise(setImmediate);
    // The others are not left at work behind a command that has ended.
    expect(isOver).toBe(false);
    slow.resolve();
    await told;
    undertaking = await readAgain();
    expect(undertaking.done.toSorted()).toEqual(['fetch core', 'fetch ledger1']);
    await goOn(undertaking, [stage(false), step('place')], save, show);
    expect(ran).toEqual(['core', 'ledger0', 'ledger1', 'ledger0', 'place']);
  });

  test('keeps what a step has found out, for the steps after it', async () => {
    await goOn(undertaking, [step('stop', () => { undertaking.stopped = ['transactions']; })], save, show);
    expect((await readAgain()).stopped).toEqual(['transactions']);
  });

  test('keeps other commands from starting containers over it, until it is finished', async () => {
    await expect(refuseUnfinishedRestore(instance)).resolves.toBeUndefined();
    await save();
    await expect(refuseUnfinishedRestore(instance)).rejects.toThrow('a restore to latest was interrupted (after nothing)');
    undertaking.finished_at = '2026-01-31T10:01:00Z';
    await save();
    await expect(refuseUnfinishedRestore(instance)).resolves.toBeUndefined();
  });

  test('can be given up while nothing was put in place, and only then', async () => {
    const next = async (): Promise<string> => refuseUnfinishedRestore(instance).then(() => '', (error: { next: string[] }) => error.next.join(' '));
    undertaking.done = ['fetch ledger0'];
    await save();
    expect(await next()).toContain('--undo');
    undertaking.placing_at = '2026-01-31T10:00:30Z';
    await save();
    expect(await next()).not.toContain('--undo');
  });

  test('goes on within a lane with the work that it was at', async () => {
    const lane = (fails: boolean): Stage => ({ name: 'recover', label: 'recover', lanes: [{ cluster: 'ledger0', works: [step('fetch'), step('recover', () => { if (fails) throw new Error('killed'); })] }] });
    await expect(goOn(undertaking, [lane(true)], save, show)).rejects.toThrow('killed');
    undertaking = await readAgain();
    await goOn(undertaking, [lane(false)], save, show);
    expect(ran).toEqual(['fetch', 'recover', 'recover']);
  });

  test('before it wrote anything down was none', async () => {
    mkdirSync(join(instance.directory, 'restores', '20260131t100000'), { recursive: true });
    expect(await readUndertakings(instance)).toEqual([]);
  });
});

describe('a work for which others wait', () => {
  const after = (passed: Promise<void>): Step => ({ name: 'open', label: 'open', run: async () => { await passed; ran.push('open'); } });
  const stageOf = (silence: Work, open: Step): Stage => ({ name: 'recover', label: 'recover', lanes: [{ cluster: 'ledger0', works: [open] }, { cluster: '', works: [silence] }] });

  test('lets nothing pass before it is finished', async () => {
    const silence = awaited(undertaking, { name: 'silence', run: async () => { await new Promise(setImmediate); ran.push('silence'); } });
    await goOn(undertaking, [stageOf(silence, after(silence.passed))], save, show);
    expect(ran).toEqual(['silence', 'open']);
  });

  test('lets nothing pass, and nobody wait for ever, where it fails', async () => {
    const silence = awaited(undertaking, { name: 'silence', run: () => Promise.reject(new Error('a service does not stop')) });
    await expect(goOn(undertaking, [stageOf(silence, after(silence.passed))], save, show)).rejects.toThrow('a service does not stop');
    expect(ran).toEqual([]);
    expect(undertaking.done).toEqual([]);
  });

  test('is not waited for where it was finished before an interruption', async () => {
    undertaking.done.push('silence');
    const silence = awaited(undertaking, { name: 'silence', run: () => Promise.reject(new Error('it was done already')) });
    await goOn(undertaking, [stageOf(silence, after(silence.passed))], save, show);
    expect(ran).toEqual(['open']);
  });
});

test('two who save at the same time leave half of each', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, turn) => { undertaking.stopped = Array.from({ length: turn }, () => 'transactions'); return save(); }));
  expect((await readAgain()).stopped).toHaveLength(19);
});

test('a timeline ends when the restored data is in place, not before', async () => {
  const part = undertaking.clusters[0]!;
  part.recovered = { timeline: 2, from_timeline: 1, lsn: '0/1', last_transaction_at: '2026-01-31T09:00:00.000000Z', epoch: 2, stands_until: '7' };
  expect(pastRestores([undertaking])).toEqual([]);
  undertaking.placed_at = '2026-01-31T10:00:30Z';
  expect(pastRestores([undertaking])).toEqual([{ cluster: 'ledger0', at_ms: Date.parse('2026-01-31T10:00:30Z'), point_ms: Date.parse('2026-01-31T09:00:00Z'), ended_timeline: 4 }]);
});
