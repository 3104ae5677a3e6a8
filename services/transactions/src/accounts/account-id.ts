import { randomView } from '@holdfast/kit/random';
import { hash } from 'node:crypto';

declare const accountId: unique symbol;
declare const transferId: unique symbol;
declare const holdId: unique symbol;

/** A UUIDv8 in lower case that carries the bucket of its owner. */
export type AccountId = string & { readonly [accountId]: true };

/** A UUIDv8 in lower case that carries the bucket of the customer who is debited, or for a deposit credited. */
export type TransferId = string & { readonly [transferId]: true };

/** A UUIDv8 in lower case that carries the bucket of the owner of the debit account. */
export type HoldId = string & { readonly [holdId]: true };

export const BUCKETS = 1024;

const UUID_V8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * The bucket (0..1023) of a person: all accounts of a subject share it, and so a shard, so that moving money between
 * one's own accounts never crosses shards. A hash, so that buckets fill evenly whatever the subject ids look like.
 */
export function bucketOfSubject(subject: string): number {
  return hash('sha256', subject, 'buffer').readUInt16BE(0) % BUCKETS;
}

/**
 * A new id, RFC 9562 UUIDv8: 48 bits of Unix time in milliseconds, so that ids sort by age and an index grows at its
 * end; the version; 2 random bits and the 10 bits of the bucket in custom_b; the variant; 62 random bits.
 */
function newId(bucket: number, nowMs: number): string {
  if (!Number.isInteger(bucket) || bucket < 0 || bucket >= BUCKETS) throw new RangeError(`bucket ${bucket} is not in 0..1023`);
  const bytes = randomView(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes.writeUInt16BE(0x8000 | (bytes.readUInt16BE(6) & 0x0c00) | bucket, 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export const newAccountId = (bucket: number, nowMs = Date.now()): AccountId => newId(bucket, nowMs) as AccountId;

export const newTransferId = (bucket: number, nowMs = Date.now()): TransferId => newId(bucket, nowMs) as TransferId;

export const newHoldId = (bucket: number, nowMs = Date.now()): HoldId => newId(bucket, nowMs) as HoldId;

/** The bucket that an id carries. */
export function bucketOf(id: AccountId | TransferId | HoldId): number {
  return Number.parseInt(id.slice(14, 18), 16) & 0x3ff;
}

/** Reads an id as a client sent it; undefined if it cannot be one of ours, which is then as unknown as any other. */
export function parseAccountId(text: string): AccountId | undefined {
  const lower = text.toLowerCase();
  return UUID_V8.test(lower) ? (lower as AccountId) : undefined;
}

export function parseTransferId(text: string): TransferId | undefined {
  return parseAccountId(text) as TransferId | undefined;
}

export function parseHoldId(text: string): HoldId | undefined {
  return parseAccountId(text) as HoldId | undefined;
}
