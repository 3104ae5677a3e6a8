import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AccountId } from '../accounts/account-id.ts';
import { runs, World, type Turn } from './model-commands.ts';
import { ModelBooks } from './model-books.ts';
import { postBatch } from './posting.store.ts';
import type { Posting } from './posting.ts';
import { TestLedger } from './test-ledger.ts';

let ledger: TestLedger;
let inTransit: AccountId;

beforeAll(async () => {
  ledger = await TestLedger.start();
  inTransit = await ledger.openAccount('system:in-transit', { kind: 'system', overdraftLimitMinor: undefined });
  // Time passes by hand here: no role may do that to a hold in the product.
  await ledger.postgres.sql('setup', 'GRANT UPDATE (expires_at) ON holds TO transactions', 'ledger');
}, 120_000);

afterAll(() => ledger?.stop());

test('the database decides as decide-posting.ts does, whatever comes in whatever batches', async () => {
  await fc.assert(fc.asyncProperty(runs({ minLength: 1, maxLength: 8 }), async (batches) => {
    const world = await World.make((owner, more) => ledger.openAccount(owner, more), inTransit);
    const model = new ModelBooks();
    for (const id of world.accounts) {
      const account = await ledger.findAccount(id);
      if (account) model.accounts.set(id, account);
    }
    await both(model, world.endowment());
    for (const { turns, commands } of batches) {
      for (const one of turns) await take(world, model, one);
      for (const batch of apart(commands.map((one) => world.postingOf(one)))) await both(model, batch);
    }
    for (const id of world.accounts) expect(await ledger.findAccount(id)).toEqual(model.accounts.get(id));
    const holds = await ledger.database.query<{ id: never; status: string; captured_minor: bigint }>('SELECT id, status, captured_minor FROM holds WHERE id = ANY ($1)', [[...model.holds.keys()]]);
    expect(new Map(holds.map((hold) => [hold.id, [hold.status, hold.captured_minor]]))).toEqual(new Map([...model.holds].map(([id, hold]) => [id, [hold.status, hold.capturedMinor]])));
  }), { numRuns: 120, interruptAfterTimeLimit: 20_000 });
  expect(await ledger.faults()).toEqual([]);
}, 60_000);

test('many batches at once leave sound books, and every key one answer', async () => {
  await fc.assert(fc.asyncProperty(fc.array(runs({ minLength: 3, maxLength: 6 }), { minLength: 3, maxLength: 6 }), async (lanes) => {
    const world = await World.make((owner, more) => ledger.openAccount(owner, more), inTransit);
    const answers = new Map<string, Set<string>>();
    const post = async (batch: readonly Posting[]): Promise<void> => {
      for (const [index, { outcome, subjectId, postedAt, replayed }] of (await postBatch(ledger.shard, batch)).entries()) {
        if (outcome === 'idempotency_key_reused') continue;
        const { key } = batch[index]!;
        const known = answers.get(key) ?? new Set();
        if (!replayed) known.add(`first to ask with ${key}`);
        answers.set(key, known.add(outcome === 'posted' ? `${outcome} ${subjectId} ${postedAt}` : outcome));
      }
    };
    await post(world.endowment());
    // Made one after the other, so that holds, reversals and repeats of one lane meet what another lane has under way.
    const batches = lanes.map((lane) => lane.flatMap(({ commands }) => apart(commands.map((one) => world.postingOf(one)))));
    await Promise.all(batches.map(async (lane) => { for (const batch of lane) await post(batch); }));
    // Its answer, and that somebody was the first to get it.
    expect([...answers].filter(([, all]) => all.size !== 2)).toEqual([]);
    expect(await ledger.faults()).toEqual([]);
  }), { numRuns: 12, interruptAfterTimeLimit: 15_000, endOnFailure: true });
}, 60_000);

/** Posts a batch to both, which must say the same. */
async function both(model: ModelBooks, postings: readonly Posting[]): Promise<void> {
  const expected = postings.map((posting) => model.post(posting));
  const told = await postBatch(ledger.shard, postings);
  expect(told.map(({ outcome, replayed, subjectId }) => ({ outcome, replayed, subjectId }))).toEqual(expected);
}

/** As batches that can be: a key is once in each, and what is to be taken back has been read before, so it is not of the same batch. */
function apart(postings: readonly Posting[]): Posting[][] {
  const batches: Posting[][] = [];
  for (const posting of postings) {
    const last = batches.at(-1);
    const mustWait = last?.some((other) => other.key === posting.key || ('reverses' in posting && 'transferId' in other && posting.reverses === other.transferId));
    if (last && !mustWait) last.push(posting);
    else batches.push([posting]);
  }
  return batches;
}

/** What happens between two batches happens to both. */
async function take(world: World, model: ModelBooks, one: Turn): Promise<void> {
  const changed = world.take(model, one);
  if (changed?.hold) await ledger.database.query('UPDATE holds SET expires_at = $2 WHERE id = $1', [changed.hold.id, changed.hold.expiresAt]);
  if (changed?.account) await ledger.database.query('UPDATE accounts SET status = $2 WHERE id = $1', [changed.account.id, changed.account.status]);
}
