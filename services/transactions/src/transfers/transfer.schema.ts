import { AmountMinor, CurrencyCode } from '@holdfast/kit/money';
import { z } from 'zod';
import { PlainText } from '../accounts/account.schema.ts';

const AccountReference = z.uuid({ error: 'must be the id of an account' }).transform((id) => id.toLowerCase());

export const PostTransferRequest = z.strictObject({
  debit_account: AccountReference.meta({ description: "One of the caller's own accounts" }),
  credit_account: AccountReference,
  amount: AmountMinor,
  currency: CurrencyCode,
  reference: PlainText(140).optional().meta({ description: 'Shown on both statements' }),
});
export type PostTransferRequest = z.output<typeof PostTransferRequest>;

export const Transfer = z.object({
  id: z.uuid(),
  status: z.literal('posted'),
  debit_account: z.uuid(),
  credit_account: z.uuid(),
  amount: z.string().meta({ description: 'Minor units, as a string', example: '1250' }),
  currency: CurrencyCode,
  reference: z.string().nullable(),
  created_at: z.string().meta({ description: 'RFC 3339, UTC', example: '2026-01-01T00:00:00.000000Z' }),
}).meta({ description: 'A transfer that was posted' });
export type Transfer = z.output<typeof Transfer>;

export const TransferParams = z.object({ id: z.string().max(64) });

export const idempotencyKeyHeader = {
  'Idempotency-Key': {
    required: true,
    description: 'Chosen by the client, 1 to 255 printable ASCII characters. The same key with the same body gives the first answer again '
      + '(with the header `Idempotency-Replayed: true`), with another body 422; while the first is under way, 409.',
  },
};
