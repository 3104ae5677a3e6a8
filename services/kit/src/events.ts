import { z } from 'zod';
import { CurrencyCode } from './money.ts';

/** The topics of ARCHITECTURE.md. */
export const topics = { ledger: 'ledger.events', users: 'users.events', security: 'security.events' } as const;

const digits = z.string().regex(/^-?\d{1,19}$/);
const amountOrNoLimit = digits.nullable();
const hold = z.object({ hold_id: z.string(), debit_account: z.string(), credit_account: z.string(), amount: digits, currency: CurrencyCode });

/** What each type of event says. Amounts are strings of minor units; nothing here is personal data. */
export const eventData = {
  'account.opened': z.object({
    account_id: z.string(), owner: z.string(), currency: CurrencyCode, kind: z.string(), overdraft_limit: amountOrNoLimit,
  }),
  /** `version` counts the changes of an account, on whatever shard it is; events of before there was one have none. */
  'account.changed': z.object({ account_id: z.string(), status: z.enum(['open', 'frozen', 'closed']), overdraft_limit: amountOrNoLimit, version: digits.optional() }),
  'transfer.posted': z.object({
    transfer_id: z.string(),
    kind: z.string(),
    /** Of the shard that tells it; they sum to zero in every currency. `version` is the place of the entry among those of its account. */
    entries: z.array(z.object({ account_id: z.string(), amount: digits, currency: CurrencyCode, balance: digits, version: digits })),
    reference: z.string().nullable(),
    external_reference: z.string().nullable(),
    reverses: z.string().nullable(),
    hold_id: z.string().nullable(),
  }),
  /** What had gone to another shard has arrived there, or has come back. */
  'transfer.settled': z.object({ transfer_id: z.string() }),
  'transfer.returned': z.object({ transfer_id: z.string(), refusal: z.string() }),
  'hold.placed': hold,
  'hold.captured': hold.extend({ captured: digits }),
  'hold.voided': hold,
  'hold.expired': hold,
  'user.registered': z.object({ user_id: z.string(), roles: z.array(z.string()) }),
  'user.updated': z.object({ user_id: z.string() }),
  /**
   * The first event of an epoch: a database was restored, on purpose. Of the epoch before, and of none besides, the events up to `stands_until` still hold;
   * what came after them no longer happened.
   */
  'stream.restored': z.object({
    restore_id: z.string(), cluster: z.string(), previous_epoch: z.int().positive(), stands_until: digits,
    restored_to: z.string(), last_transaction_at: z.string().nullable(), lsn: z.string(), by: z.string(), reason: z.string(),
  }),
  /** Somebody looked at the profile of somebody else. */
  'user.read': z.object({ user_id: z.string() }),
  'security.denied': z.looseObject({ reason: z.string() }),
} as const;

export type EventType = keyof typeof eventData;
export type EventData<Type extends EventType> = z.output<(typeof eventData)[Type]>;

/**
 * The envelope of every event. `(epoch, shard, sequence)` is gapless per topic and shard. `type` and `data` are open here, so that a
 * consumer passes over a type that it does not know yet and still counts its sequence; `dataOf` parses the ones it does.
 */
export const Event = z.object({
  id: z.uuid(),
  type: z.string(),
  version: z.literal(1),
  epoch: z.int().positive(),
  shard: z.int().nonnegative(),
  sequence: z.string().regex(/^\d{1,19}$/),
  occurred_at: z.iso.datetime({ offset: true }),
  traceparent: z.string().nullable(),
  actor: z.string(),
  data: z.record(z.string(), z.unknown()),
});
export type Event = z.output<typeof Event>;

export function isOfType<Type extends EventType>(event: Event, type: Type): event is Event & { type: Type; data: EventData<Type> } {
  return event.type === type && eventData[type].safeParse(event.data).success;
}

/** The data of an event of a known type. Throws on data that does not fit: the writer broke the contract. */
export function dataOf<Type extends EventType>(event: Event, type: Type): EventData<Type> {
  return eventData[type].parse(event.data) as EventData<Type>;
}

/** Where a consumer stands in one shard of one topic. */
export interface Position {
  readonly epoch: number;
  readonly sequence: bigint;
  /** When this epoch began, RFC 3339; absent in the first one. */
  readonly epochBegan?: string | undefined;
}

/**
 * Decides one event against a consumer's position: the next one is applied, one that was seen is ignored, a gap is refused. The first event ever seen must be
 * number 1. A newer epoch begins with the statement of the restore that began it; without one it is refused. `taken_back`: it is that statement, and what the
 * consumer has applied beyond it no longer happened. An older epoch is over: what it told before it ended is passed over, when a stream is read again; what it
 * tells since comes from a database that should be no more, and is refused.
 */
export function placeOf(event: Event, position: Position | undefined): 'next' | 'seen' | 'gap' | 'older_epoch' | 'newer_epoch' | 'taken_back' {
  const sequence = BigInt(event.sequence);
  if (!position) return sequence === 1n ? 'next' : 'gap';
  if (event.epoch < position.epoch) return position.epochBegan !== undefined && Date.parse(event.occurred_at) < Date.parse(position.epochBegan) ? 'seen' : 'older_epoch';
  if (event.epoch > position.epoch) return placeOfNewEpoch(event, sequence, position);
  if (sequence <= position.sequence) return 'seen';
  return sequence === position.sequence + 1n ? 'next' : 'gap';
}

function placeOfNewEpoch(event: Event, sequence: bigint, position: Position): 'next' | 'gap' | 'newer_epoch' | 'taken_back' {
  if (!isOfType(event, 'stream.restored')) return 'newer_epoch';
  const standsUntil = BigInt(event.data.stands_until);
  if (sequence !== standsUntil + 1n || event.data.previous_epoch > position.epoch) return 'newer_epoch';
  // In an epoch that was itself undone, the same numbers were given to other events.
  if (event.data.previous_epoch < position.epoch || position.sequence > standsUntil) return 'taken_back';
  return position.sequence === standsUntil ? 'next' : 'gap';
}
