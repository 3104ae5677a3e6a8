import { z } from 'zod';

/**
 * Money is a whole number of a currency's minor units (cents, fils, yen), never a fraction and never a JSON number:
 * a double cannot hold every amount, and a reader that parses "1.10" as one has already lost.
 */
export type MinorUnits = bigint & { readonly __brand: 'MinorUnits' };

/** ISO 4217 currencies with the number of decimal places of their minor unit (ISO 4217 list one, 2024). */
const exponents = {
  AED: 2, ARS: 2, AUD: 2, BDT: 2, BGN: 2, BHD: 3, BRL: 2, CAD: 2, CHF: 2, CLP: 0, CNY: 2, COP: 2, CZK: 2, DKK: 2, EGP: 2, EUR: 2, GBP: 2,
  GHS: 2, HKD: 2, HUF: 2, IDR: 2, ILS: 2, INR: 2, ISK: 0, JOD: 3, JPY: 0, KES: 2, KRW: 0, KWD: 3, LKR: 2, MAD: 2, MXN: 2, MYR: 2, NGN: 2,
  NOK: 2, NZD: 2, OMR: 3, PEN: 2, PHP: 2, PKR: 2, PLN: 2, QAR: 2, RON: 2, RSD: 2, SAR: 2, SEK: 2, SGD: 2, THB: 2, TND: 3, TRY: 2, TWD: 2,
  UAH: 2, UGX: 0, USD: 2, UYU: 2, VND: 0, XAF: 0, XOF: 0, ZAR: 2,
} as const;

export type Currency = keyof typeof exponents;

export const currencies = Object.keys(exponents) as [Currency, ...Currency[]];

/** What a Postgres bigint can hold; an amount beyond it is refused at the edge and not by an overflow in a batch. */
export const MAX_MINOR = 9_223_372_036_854_775_807n;

export function minorUnits(value: bigint): MinorUnits {
  if (value > MAX_MINOR || value < -MAX_MINOR) throw new RangeError(`${value} minor units are beyond a 64-bit integer`);
  return value as MinorUnits;
}

export function exponentOf(currency: Currency): number {
  return exponents[currency];
}

/** `formatMajor(110n, 'EUR')` is `1.10`: for people; machines exchange minor units. */
export function formatMajor(amountMinor: bigint, currency: Currency): string {
  const exponent = exponents[currency];
  const sign = amountMinor < 0n ? '-' : '';
  const digits = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(exponent + 1, '0');
  return exponent === 0 ? sign + digits : `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** The reverse: `parseMajor('1.1', 'EUR')` is `110n`. Undefined if it is no amount, or finer than the currency's minor unit. */
export function parseMajor(value: string, currency: Currency): MinorUnits | undefined {
  const match = /^(-?)(\d{1,19})(?:\.(\d+))?$/.exec(value);
  const fraction = match?.[3] ?? '';
  if (!match || fraction.length > exponents[currency]) return undefined;
  const amountMinor = BigInt(match[2] + fraction.padEnd(exponents[currency], '0'));
  return amountMinor > MAX_MINOR ? undefined : ((match[1] ? -amountMinor : amountMinor) as MinorUnits);
}

const asString = 'must be a string of minor units, such as "1250" for 12.50 EUR';

/** An amount as it travels in JSON: a string of minor units, zero or more. */
export const AmountMinor = z
  .string({
    error: (issue) => (typeof issue.input === 'number' ? `${asString}; a JSON number is refused, as it can lose digits` : asString),
  })
  .regex(/^(0|[1-9]\d{0,18})$/, { error: asString, abort: true })
  .refine((value) => BigInt(value) <= MAX_MINOR, { error: `must not be above ${MAX_MINOR}` })
  .meta({ description: 'Amount in minor units of the currency (cents for EUR), as a string', example: '1250' })
  .transform((value) => BigInt(value) as MinorUnits);

export const CurrencyCode = z
  .enum(currencies, { error: 'must be an ISO 4217 currency code that is in use here, such as "EUR"' })
  .meta({ description: 'ISO 4217 currency code', example: 'EUR' });
