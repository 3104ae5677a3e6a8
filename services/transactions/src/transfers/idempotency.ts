import { refuse, type Refusal } from '@holdfast/kit/problem';
import { hash } from 'node:crypto';
import type { LedgerRefusal } from './refusals.ts';

/** The client's key, or why it cannot be one. */
export function idempotencyKeyOf(header: string | undefined): string | Refusal<LedgerRefusal> {
  if (header === undefined || header === '') return refuse('idempotency_key_missing');
  return /^[\x20-\x7e]{1,255}$/.test(header) ? header : refuse('idempotency_key_malformed');
}

/**
 * SHA-256 of what was asked for: the operation and its parsed values in a fixed order, so that neither white space nor the order
 * of members in the body makes it another request.
 */
export function hashOfRequest(operation: string, values: readonly (string | null)[]): Buffer {
  return hash('sha256', JSON.stringify([operation, ...values]), 'buffer');
}
