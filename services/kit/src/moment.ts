import { z } from 'zod';

const asText = 'must be RFC 3339, such as 2026-01-01T00:00:00Z';

/**
 * An instant as a client writes it (RFC 3339, any offset), as UTC with six digits of a second: what Postgres reads exactly, and every clock here
 * writes. Postgres itself would refuse the year 0 and an offset of 16 hours, which are valid texts.
 */
export const Moment = z.iso
  .datetime({ offset: true, error: asText })
  .refine((text) => /^\d{4}-/.test(utc(text)) && !utc(text).startsWith('0000'), { error: 'must lie in the years 1 to 9999' })
  .transform((text) => `${utc(text)}.${(/\.(\d+)/.exec(text)?.[1] ?? '').slice(0, 6).padEnd(6, '0')}Z`)
  .meta({ description: 'RFC 3339', example: '2026-01-01T00:00:00Z' });

/** To the second. */
function utc(text: string): string {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? '' : moment.toISOString().split('.', 1)[0] ?? '';
}
