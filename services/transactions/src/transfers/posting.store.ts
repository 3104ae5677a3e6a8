import type { AccountId, HoldId, TransferId } from '../accounts/account-id.ts';
import type { Shard } from '../shards/shard.ts';
import { refusalOfShape } from './decide-posting.ts';
import { subjectOf, type Leg, type Posted, type Posting } from './posting.ts';
import { refusalCode } from './refusals.ts';

const POST = `
  SELECT * FROM post_batch($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::bytea[], $8::text[], $9::text[], $10::text[], $11::text[],
                           $12::int[], $13::int[], $14::bigint[], $15::text[], $16::text[], $17::text[], $18::text[], $19::uuid[], $20::text[], $21::text[],
                           $22::uuid[], $23::int[], $24::uuid[], $25::timestamptz[])`;

interface Answer {
  posted_at: string;
  outcomes: (string | null)[] | null;
  replayed_ids: (string | null)[] | null;
  replayed_at: (string | null)[] | null;
}

/**
 * Posts a batch in one transaction and returns the answers in its order. Keys must be distinct within a batch: the answer to a
 * repeated one is known only when the batch is committed.
 */
export async function postBatch(shard: Shard, postings: readonly Posting[]): Promise<Posted[]> {
  if (postings.length === 0) return [];
  const [answer] = await shard.write<Answer>(POST, argumentsOf(postings), 'post_batch');
  if (!answer) throw new Error('the ledger gave no answer to a batch');
  return postings.map((posting, index): Posted => {
    const outcome = answer.outcomes === null ? 'posted' : answer.outcomes[index];
    if (outcome === undefined || outcome === null) throw new Error('the ledger gave no answer to a posting of a batch');
    const replayedId = answer.replayed_ids?.[index] ?? undefined;
    return {
      outcome: outcome === 'posted' ? 'posted' : refusalCode(outcome),
      replayed: replayedId !== undefined,
      subjectId: (replayedId as TransferId | HoldId | undefined) ?? subjectOf(posting),
      postedAt: answer.replayed_at?.[index] ?? answer.posted_at,
    };
  });
}

/** The legs as the function wants them, in place of what the operation says; an item that is refused already brings none. */
function legsOf(posting: Posting): readonly { account: AccountId; amountMinor: bigint | undefined }[] {
  switch (posting.operation) {
    case 'transfer': return posting.legs;
    case 'hold': {
      const debit: Leg = { account: posting.debitAccount, amountMinor: -posting.amountMinor };
      return posting.creditElsewhere ? [debit] : [debit, { account: posting.creditAccount, amountMinor: posting.amountMinor }];
    }
    case 'capture':
      return [{ account: posting.debitAccount, amountMinor: undefined }, { account: posting.inTransit ?? posting.creditAccount, amountMinor: posting.amountMinor }];
    case 'void':
    case 'expire': {
      const debit = { account: posting.debitAccount, amountMinor: undefined };
      // The credit account is looked at only for its owner, and may be on another shard.
      return posting.owner === undefined ? [debit] : [debit, { account: posting.creditAccount, amountMinor: undefined }];
    }
  }
}

function argumentsOf(postings: readonly Posting[]): unknown[] {
  const refusals = postings.map((posting) => posting.refusal ?? refusalOfShape(posting));
  const legs = postings.map((posting, index) => (refusals[index] === undefined ? legsOf(posting) : []));
  const accounts = [...new Set(legs.flatMap((some) => some.map((leg) => leg.account)))].sort();
  const indexOfAccount = new Map(accounts.map((id, index) => [id, index + 1]));
  const holdOf = (posting: Posting): HoldId | undefined => ('holdId' in posting ? posting.holdId : undefined);
  const holds = [...new Set(postings.flatMap((posting) => holdOf(posting) ?? []))];
  const indexOfHold = new Map(holds.map((id, index) => [id, index + 1]));
  let end = 0;
  const transfer = <T>(pick: (posting: Posting & { operation: 'transfer' }) => T): (T | undefined)[] =>
    postings.map((posting) => (posting.operation === 'transfer' ? pick(posting) : undefined));
  const hold = <T>(pick: (posting: Posting & { operation: 'hold' }) => T): (T | undefined)[] =>
    postings.map((posting) => (posting.operation === 'hold' ? pick(posting) : undefined));
  return [
    plain(accounts),
    texts(postings.map((posting) => (posting.operation === 'transfer' ? posting.kind : posting.operation))),
    plain(postings.map(subjectOf)),
    texts(postings.map((posting) => posting.scope)),
    texts(postings.map((posting) => posting.key)),
    plain(postings.map((posting) => posting.bucket)),
    `{${postings.map((posting) => `"\\\\x${posting.requestHash.toString('hex')}"`).join(',')}}`,
    texts(postings.map((posting) => posting.owner)),
    texts(postings.map((posting) => posting.actor)),
    texts(postings.map((posting) => posting.traceparent)),
    texts(postings.map((posting) => ('currency' in posting ? posting.currency : undefined))),
    plain(legs.map((some) => { end += some.length; return end; })),
    plain(legs.flatMap((some) => some.map((leg) => indexOfAccount.get(leg.account)))),
    plain(legs.flatMap((some) => some.map((leg) => leg.amountMinor))),
    texts(refusals),
    texts(postings.map((posting) => posting.reference)),
    texts(postings.map((posting) => posting.externalReference)),
    texts(postings.map((posting) => posting.metadata)),
    orNull(plain, transfer((posting) => posting.reverses)),
    texts(transfer((posting) => posting.returnedFor)),
    texts(transfer((posting) => posting.outgoing && JSON.stringify(posting.outgoing.map((leg) => ({ account: leg.account, amount: leg.amountMinor.toString() }))))),
    orNull(plain, holds),
    orNull(plain, postings.map((posting) => indexOfHold.get(holdOf(posting) as HoldId))),
    orNull(plain, hold((posting) => posting.creditAccount)),
    texts(hold((posting) => posting.expiresAt.toISOString())),
  ];
}

// Arrays as Postgres writes them. The driver would make the same of JavaScript's, at several times the cost.

/** Of values that need no quotes. */
function plain(values: readonly (string | number | bigint | undefined)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

/** Null if no item has a value, as the function takes it. */
function orNull<T>(write: (values: readonly (T | undefined)[]) => string | null, values: readonly (T | undefined)[]): string | null {
  return values.some((value) => value !== undefined) ? write(values) : null;
}

function texts(values: readonly (string | undefined)[]): string | null {
  return orNull((some) => `{${some.map((value) => (value === undefined ? 'NULL' : quoted(value))).join(',')}}`, values);
}

function quoted(value: string): string {
  return `"${/["\\]/.test(value) ? value.replaceAll(/["\\]/g, '\\$&') : value}"`;
}
