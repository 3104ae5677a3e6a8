import { AmountMinor, CurrencyCode } from '@holdfast/kit/money';
import type { Parser } from '@holdfast/kit/parsed';
import { z } from 'zod';
import { ExternalReference, Metadata, Reference } from '../metadata.ts';
import { LEGS_MAX } from './posting.ts';
import { refusalCodes } from './refusals.ts';

/** The one system account that people name: an operator books fees to it, and gives them back. */
export const FEES = 'fees';

/** The id of an account, or `fees`. Whether it is one of ours is for the ledger to say. */
export const AccountReference = z
  .string({ error: 'must be the id of an account' })
  .regex(/^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|fees)$/, { error: 'must be the id of an account' })
  .transform((id) => id.toLowerCase())
  .meta({ description: 'The id of an account; for operators also `fees`, the account of fees in the currency of the transfer' });

const notes = {
  reference: Reference.optional(),
  external_reference: ExternalReference.optional(),
  metadata: Metadata.optional(),
};

const TwoAccounts = z.strictObject({
  debit_account: AccountReference.meta({ description: "One of the caller's own accounts; any, for an operator" }),
  credit_account: AccountReference,
  amount: AmountMinor,
  currency: CurrencyCode,
  ...notes,
});

const WithLegs = z.strictObject({
  legs: z.array(z.strictObject({ account: AccountReference, side: z.enum(['debit', 'credit']), amount: AmountMinor }))
    .meta({ description: `2 to ${LEGS_MAX}, each account once; in each currency, debits and credits are equal` }),
  currency: CurrencyCode.optional().meta({ description: 'If given, all accounts must be in it. Needed for `fees`, and to reach accounts on another shard' }),
  ...notes,
});

export type PostTransferRequest = z.output<typeof TwoAccounts> | z.output<typeof WithLegs>;

/** What the documentation says of it. */
export const PostTransferBody = z.union([TwoAccounts, WithLegs]);

/** Either form. Told apart by the member `legs`, and not by trying both, so that a mistake gets the message of the form that was meant. */
export const PostTransferRequest: Parser<PostTransferRequest> = {
  safeParse: (value) => (hasLegs(value) ? WithLegs : TwoAccounts).safeParse(value) as z.ZodSafeParseResult<PostTransferRequest>,
};

export const BATCH_MAX = 1_000;

const itemKey = { idempotency_key: z.string({ error: 'must be a text' }).optional().meta({ description: 'As the header of a single transfer: required, and its own for each item' }) };
const TwoAccountsItem = TwoAccounts.extend(itemKey);
const WithLegsItem = WithLegs.extend(itemKey);

export type BatchItem = z.output<typeof TwoAccountsItem> | z.output<typeof WithLegsItem>;
export const BatchItem: Parser<BatchItem> = {
  safeParse: (value) => (hasLegs(value) ? WithLegsItem : TwoAccountsItem).safeParse(value) as z.ZodSafeParseResult<BatchItem>,
};

/** Items are parsed one by one later: a faulty one is refused, and the others are posted. */
export const PostBatchRequest = z.strictObject({ items: z.array(z.unknown(), { error: 'must be a list of transfers' }) });
export type PostBatchRequest = z.output<typeof PostBatchRequest>;
export const PostBatchBody = z.strictObject({ items: z.array(z.union([TwoAccountsItem, WithLegsItem])).min(1).max(BATCH_MAX) });

export const Transfer = z.object({
  id: z.uuid(),
  kind: z.enum(['transfer', 'deposit', 'withdrawal', 'capture', 'reversal', 'transit_in', 'transit_return', 'move']),
  status: z.enum(['posted', 'pending', 'returned']).meta({
    description: '`pending`: debited, and on its way to accounts on another shard; it becomes `posted`, or `returned` with the money back in the debited account',
  }),
  debit_account: z.uuid().nullable().meta({ description: 'Of a transfer between two accounts; null if there are more' }),
  credit_account: z.uuid().nullable(),
  amount: z.string().nullable().meta({ description: 'Minor units, as a string; of a transfer between two accounts', example: '1250' }),
  currency: CurrencyCode.nullable().meta({ description: 'Null if there are several, or if the request has named none' }),
  legs: z.array(z.object({ account: z.uuid(), side: z.enum(['debit', 'credit']), amount: z.string() })).meta({
    description: 'All of them for who was debited and for operators; for others, the debits and their own credits',
  }),
  reference: z.string().nullable(),
  external_reference: z.string().nullable(),
  metadata: z.record(z.string(), z.string()).nullable(),
  reverses: z.uuid().nullable().meta({ description: 'Of a reversal: the transfer that it takes back' }),
  reversed_by: z.uuid().nullable().meta({ description: 'The reversal, if there is one by now' }),
  hold: z.uuid().nullable().meta({ description: 'Of a capture: the hold' }),
  refusal: z.enum(refusalCodes).optional().meta({ description: 'Why it was returned' }),
  created_at: z.string().meta({ description: 'RFC 3339, UTC', example: '2026-01-01T00:00:00.000000Z' }),
}).meta({ description: 'A transfer that was posted' });
export type Transfer = z.output<typeof Transfer>;

export const BatchAnswer = z.object({
  items: z.array(z.object({
    status: z.number().int().meta({ description: 'The status that the same transfer alone would have been answered with' }),
    code: z.string().nullable().meta({ description: 'Of the refusal; null if it was posted' }),
    detail: z.string().optional(),
    replayed: z.boolean().meta({ description: 'Whether it is the answer of an earlier request with the same key' }),
    transfer: Transfer.nullable(),
  })),
}).meta({ description: 'An outcome for each item, in their order' });
export type BatchAnswer = z.output<typeof BatchAnswer>;

export const ReverseRequest = z.strictObject(notes);
export type ReverseRequest = z.output<typeof ReverseRequest>;

export const TransferParams = z.object({ id: z.string().max(64) });

export const idempotencyKeyHeader = {
  'Idempotency-Key': {
    required: true,
    description: 'Chosen by the client, 1 to 255 printable ASCII characters. The same key with the same body gives the first answer again '
      + '(with the header `Idempotency-Replayed: true`), with another body 422; while the first is under way, 409. Kept for 30 days. It belongs to '
      + 'the caller; for what an operator does with the money of others, to the operator and the account, hold or transfer.',
  },
};

function hasLegs(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'legs' in value;
}
