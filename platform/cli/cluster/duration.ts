import { UserError } from '../errors.ts';

const EXIT_USAGE = 2;
const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const MOST_MS = 7 * UNITS_MS.d;

/** How long a risk is accepted: `30m`, `4h`, `2d`; a week at the most, as what lasts longer is no exception any more. */
export function acceptedForMs(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const duration_ms = Number(number) * (UNITS_MS[unit as keyof typeof UNITS_MS] ?? 0);
  if (duration_ms <= 0) throw new UserError(`"${text}" is not a time: a number and m, h or d, e.g.  30m  or  4h.`, [], EXIT_USAGE);
  if (duration_ms > MOST_MS) throw new UserError(`${text} is too long: a risk is accepted for 7 days at the most, and may be accepted again.`, [], EXIT_USAGE);
  return duration_ms;
}
