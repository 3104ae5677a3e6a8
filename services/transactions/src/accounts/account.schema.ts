import { Moment } from '@holdfast/kit/moment';
import { AmountMinor, CurrencyCode } from '@holdfast/kit/money';
import { z } from 'zod';
import { ExternalReference, Metadata, PlainText, Reference } from '../metadata.ts';

const Amount = z.string().meta({ description: 'Minor units, as a string; below zero is a debt', example: '1250' });
const Time = z.string().meta({ description: 'RFC 3339, UTC', example: '2026-01-01T00:00:00.000000Z' });

export const OpenAccountRequest = z.strictObject({
  currency: CurrencyCode,
  name: PlainText(100).optional(),
  metadata: Metadata.optional(),
});
export type OpenAccountRequest = z.output<typeof OpenAccountRequest>;

const Held = z.string().meta({ description: 'What open holds reserve, in minor units', example: '0' });
const Available = z.string().nullable().meta({ description: 'What can be spent: the balance less what is held, and the overdraft limit. Null without limit' });

export const Account = z.object({
  id: z.uuid(),
  owner: z.string(),
  name: z.string().nullable(),
  currency: CurrencyCode,
  status: z.enum(['open', 'frozen', 'closed']),
  balance: Amount,
  held: Held,
  available: Available,
  overdraft_limit: z.string().nullable().meta({ description: 'How far below zero it may go, in minor units; null is without limit' }),
  metadata: z.record(z.string(), z.string()).nullable(),
  created_at: Time,
}).meta({ description: 'An account and its balance' });
export type Account = z.output<typeof Account>;

export const Accounts = z.object({ accounts: z.array(Account), next_cursor: z.string().nullable() });
export type Accounts = z.output<typeof Accounts>;

export const BalanceQuery = z.object({
  as_of: Moment.optional().meta({ description: 'A past instant, from the opening of the account on. Of the last few seconds, postings may still be on their way' }),
});
export type BalanceQuery = z.output<typeof BalanceQuery>;

export const Balance = z.object({
  account_id: z.uuid(),
  currency: CurrencyCode,
  as_of: Time,
  balance: Amount,
  held: Held.nullable().meta({ description: 'Null for a past instant' }),
  available: Available.meta({ description: 'Null for a past instant, and without overdraft limit' }),
}).meta({ description: 'A balance, now or as of a past instant' });
export type Balance = z.output<typeof Balance>;

export const Entry = z.object({
  number: z.string().meta({ description: 'Its place among the entries of the account, from 1, without gaps' }),
  transfer_id: z.uuid(),
  kind: z.string().meta({ description: 'Of the transfer', example: 'transfer' }),
  side: z.enum(['debit', 'credit']),
  amount: Amount,
  balance_after: Amount,
  counterparty: z.uuid().nullable().meta({ description: 'The other account of a transfer between two; null if there are more' }),
  reference: z.string().nullable(),
  external_reference: z.string().nullable(),
  created_at: Time,
});
export type Entry = z.output<typeof Entry>;

export const Entries = z.object({ entries: z.array(Entry), next_cursor: z.string().nullable() });
export type Entries = z.output<typeof Entries>;

export const Page = z.object({
  cursor: z.string().max(64).optional().meta({ description: '`next_cursor` of the page before' }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type Page = z.output<typeof Page>;

export const StatementQuery = Page.extend({
  from: Moment.optional().meta({ description: 'From this moment on; from the opening of the account by default' }),
  to: Moment.optional().meta({ description: 'Before this moment; until now by default' }),
});
export type StatementQuery = z.output<typeof StatementQuery>;

export const Statement = z.object({
  account_id: z.uuid(),
  currency: CurrencyCode,
  opening_balance: Amount.meta({ description: 'Before the first line of the period' }),
  closing_balance: Amount.meta({ description: 'After the last line of the period, on whatever page it is' }),
  lines: z.array(Entry).meta({ description: 'Oldest first' }),
  next_cursor: z.string().nullable(),
}).meta({ description: 'A period of an account, from the ledger itself. All pages of it tell of the same lines, whatever is posted meanwhile' });
export type Statement = z.output<typeof Statement>;

export const BookCashRequest = z.strictObject({
  amount: AmountMinor, reference: Reference.optional(), external_reference: ExternalReference.optional(), metadata: Metadata.optional(),
});
export type BookCashRequest = z.output<typeof BookCashRequest>;

export const OverdraftLimitRequest = z.strictObject({
  overdraft_limit: AmountMinor.nullable().meta({ description: 'How far below zero it may go, in minor units; null is without limit' }),
});
export type OverdraftLimitRequest = z.output<typeof OverdraftLimitRequest>;

export const MetadataRequest = z.strictObject({ metadata: Metadata.nullable() });
export type MetadataRequest = z.output<typeof MetadataRequest>;

export const AccountParams = z.object({ id: z.string().max(64) });
