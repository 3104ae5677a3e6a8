import { Moment } from '@holdfast/kit/moment';
import { AmountMinor, CurrencyCode } from '@holdfast/kit/money';
import { z } from 'zod';
import { ExternalReference, Metadata, Reference } from '../metadata.ts';
import { AccountReference } from '../transfers/transfer.schema.ts';

const Time = z.string().meta({ description: 'RFC 3339, UTC', example: '2026-01-01T00:00:00.000000Z' });

const DAY_MS = 86_400_000;
export const HOLD_DAYS_DEFAULT = 7;
export const HOLD_DAYS_MAX = 31;
export const HOLD_DEFAULT_MS = HOLD_DAYS_DEFAULT * DAY_MS;
export const HOLD_MAX_MS = HOLD_DAYS_MAX * DAY_MS;

const notes = { reference: Reference.optional(), external_reference: ExternalReference.optional(), metadata: Metadata.optional() };

export const PlaceHoldRequest = z.strictObject({
  debit_account: AccountReference.meta({ description: "One of the caller's own accounts; any, for an operator" }),
  credit_account: AccountReference.meta({ description: 'Who may capture it: its owner' }),
  amount: AmountMinor,
  currency: CurrencyCode,
  expires_at: Moment.optional()
    .meta({ description: `In ${HOLD_DAYS_DEFAULT} days by default, in ${HOLD_DAYS_MAX} at the latest. What is not captured by then is released by itself` }),
  ...notes,
});
export type PlaceHoldRequest = z.output<typeof PlaceHoldRequest>;

export const CaptureRequest = z.strictObject({
  amount: AmountMinor.optional().meta({ description: 'All of it by default. A hold is captured once: what is not captured is released' }),
  ...notes,
});
export type CaptureRequest = z.output<typeof CaptureRequest>;

export const Hold = z.object({
  id: z.uuid(),
  status: z.enum(['open', 'captured', 'voided', 'expired']),
  debit_account: z.uuid(),
  credit_account: z.uuid(),
  amount: z.string().meta({ description: 'Minor units, as a string', example: '1250' }),
  captured: z.string(),
  currency: CurrencyCode,
  expires_at: Time,
  reference: z.string().nullable(),
  external_reference: z.string().nullable(),
  metadata: z.record(z.string(), z.string()).nullable(),
  created_at: Time,
  closed_at: Time.nullable(),
}).meta({ description: 'Money that is promised: nobody can spend it until it is captured, voided or too old' });
export type Hold = z.output<typeof Hold>;

export const HoldParams = z.object({ id: z.string().max(64) });
