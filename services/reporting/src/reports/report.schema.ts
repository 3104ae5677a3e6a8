import { Moment } from '@holdfast/kit/moment';
import { z } from 'zod';

const Amount = z.string().meta({ description: 'Minor units, as a string; credits minus debits', example: '1250' });
const Time = z.string().meta({ description: 'RFC 3339, UTC', example: '2026-01-01T00:00:00.000000Z' });

export const Balances = z.object({
  balances: z.array(z.object({
    account_id: z.uuid(), currency: z.string(), status: z.enum(['open', 'frozen', 'closed']), balance: Amount,
    held: z.string().meta({ description: 'What open holds reserve' }),
    available: z.string().nullable().meta({ description: 'Balance less what is held, and the overdraft limit; null without limit' }),
    changed_at: Time,
  })),
}).meta({ description: 'Balances of all own accounts, as of the events that have arrived' });
export type Balances = z.output<typeof Balances>;

export const StatementParams = z.object({
  id: z.uuid({ error: 'must be the id of an account' }).transform((id) => id.toLowerCase()),
});

export const StatementQuery = z.object({
  from: Moment.optional().meta({ description: 'From this moment on' }),
  to: Moment.optional().meta({ description: 'Before this moment' }),
  cursor: z.string().max(64).optional().meta({ description: '`next_cursor` of the page before' }),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type StatementQuery = z.output<typeof StatementQuery>;

export const Statement = z.object({
  account_id: z.uuid(),
  currency: z.string(),
  lines: z.array(z.object({
    number: z.string().meta({ description: 'Its place among the entries of the account, from 1, without gaps' }),
    transfer_id: z.uuid(), kind: z.string(), side: z.enum(['debit', 'credit']), amount: Amount, balance_after: Amount,
    counterparty: z.uuid().nullable().meta({ description: 'The other account; null where there were several' }),
    reference: z.string().nullable(), external_reference: z.string().nullable(), occurred_at: Time,
  })),
  next_cursor: z.string().nullable(),
}).meta({ description: 'Lines of an account, newest first' });
export type Statement = z.output<typeof Statement>;
