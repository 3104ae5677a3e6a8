import type { Violation } from './check-history.ts';
import type { Contents } from './ledger-contents.ts';

/** An event as Kafka has it: published at least once, so the same one may be there again. */
export interface SeenEvent {
  readonly id: string;
  readonly type: string;
  readonly epoch: number;
  readonly shard: number;
  readonly sequence: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The reports show what the ledger holds, to the minor unit. */
export function checkReports(contents: Contents, reported: ReadonlyMap<string, bigint>): Violation[] {
  return contents.accounts.filter(({ kind }) => kind === 'customer').flatMap(({ id, balanceMinor }) => {
    const shown = reported.get(id);
    return shown === balanceMinor ? [] : [{ rule: 'report_differs' as const, about: id, detail: `the ledger holds ${balanceMinor}, the report shows ${shown ?? 'nothing'}` }];
  });
}

/** In Kafka stands one event of each transfer, and the numbers of a shard have no gap: the first time that each is seen, they ascend one by one. */
export function checkEvents(contents: Pick<Contents, 'transfers'>, events: readonly SeenEvent[]): Violation[] {
  const violations: Violation[] = [];
  const told = new Map<string, Set<string>>();
  for (const event of events.filter(({ type }) => type === 'transfer.posted')) {
    const id = `${event.shard} ${String(event.data.transfer_id)}`;
    told.set(id, (told.get(id) ?? new Set()).add(event.id));
  }
  for (const { shard, id } of contents.transfers) {
    const count = told.get(`${shard} ${id}`)?.size ?? 0;
    if (count === 0) violations.push({ rule: 'event_missing', about: id, detail: `no event of the transfer on shard ${shard}` });
    if (count > 1) violations.push({ rule: 'event_twice', about: id, detail: `${count} different events of the transfer on shard ${shard}` });
  }
  for (const [shard, stream] of Map.groupBy(events, (event) => event.shard)) violations.push(...sequence(shard, stream));
  return violations;
}

function sequence(shard: number, events: readonly SeenEvent[]): Violation[] {
  const idOf = new Map<string, string>();
  let last = { epoch: 0, sequence: 0n };
  for (const event of events) {
    const place = `${event.epoch} ${event.sequence}`;
    const seen = idOf.get(place);
    if (seen === event.id) continue;
    const number = BigInt(event.sequence);
    const follows = event.epoch === last.epoch ? number === last.sequence + 1n : event.epoch > last.epoch;
    if (seen !== undefined || !follows) {
      const why = seen === undefined ? `stands after ${last.sequence} of epoch ${last.epoch}` : `is the number of two events, ${seen} and ${event.id}`;
      return [{ rule: 'events_out_of_sequence', about: `shard ${shard}`, detail: `${event.sequence} of epoch ${event.epoch} ${why}` }];
    }
    idOf.set(place, event.id);
    last = { epoch: event.epoch, sequence: number };
  }
  return [];
}
