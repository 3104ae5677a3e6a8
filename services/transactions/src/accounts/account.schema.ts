import { AmountMinor, CurrencyCode } from '@holdfast/kit/money';
import { z } from 'zod';

const Amount = z.string().meta({ description: 'Minor units, as a string; below zero is a debt', example: '1250' });
const Time = z.string().meta({ description: 'RFC 3339, UTC', example: '2026-01-01T00:00:00.000000Z' });

/** A text that people read: no control characters, which no field of a statement can print. */
export const PlainText = (max: number) => z.string().trim().min(1).max(max).regex(/^[^\p{Cc}\p{Cs}]*$/u, { error: 'must not hold control characters' });

export const OpenAccountRequest = z.strictObject({
  currency: CurrencyCode,
  name: PlainText(100).optional(),
});
export type OpenAccountRequest = z.output<typeof OpenAccountRequest>;

export const Account = z.object({
  id: z.uuid(),
  owner: z.string(),
  name: z.string().nullable(),
  currency: CurrencyCode,
  status: z.enum(['open', 'frozen', 'closed']),
  balance: Amount,
  created_at: Time,
}).meta({ description: 'An account and its balance' });
export type Account = z.output<typeof Account>;

export const Accounts = z.object({ accounts: z.array(Account), next_cursor: z.string().nullable() });

export const Entry = z.object({
  number: z.string().meta({ description: 'Its place among the entries of the account, from 1, without gaps' }),
  transfer_id: z.uuid(),
  side: z.enum(['debit', 'credit']),
  amount: Amount,
  balance_after: Amount,
  counterparty: z.uuid(),
  reference: z.string().nullable(),
  created_at: Time,
});

export const Entries = z.object({ entries: z.array(Entry), next_cursor: z.string().nullable() });

export const DepositRequest = z.strictObject({ amount: AmountMinor, reference: PlainText(140).optional() });
export type DepositRequest = z.output<typeof DepositRequest>;

export const Page = z.object({
  cursor: z.string().max(64).optional().meta({ description: '`next_cursor` of the page before' }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type Page = z.output<typeof Page>;

export const AccountParams = z.object({ id: z.string().max(64) });
