import type { RestoredCluster } from './restored-cluster.ts';
import { millisecondsOf, SILENT_MS } from './cut.ts';

/** All clusters of one restored moment. */
export interface Restored {
  readonly core: Pick<RestoredCluster, 'sql'>;
  /** In the order of the shards. */
  readonly ledgers: readonly Pick<RestoredCluster, 'sql'>[];
}

const LEDGER_ENDS = 'SELECT epoch, (SELECT coalesce(max(sequence), 0) FROM outbox WHERE outbox.epoch = event_stream.epoch) FROM event_stream';
const FIRST_BEYOND = "SELECT min(recorded_at_ms) FROM audit_log WHERE topic = 'ledger.events' AND shard = SHARD AND epoch = EPOCH AND event_sequence > LAST";

/**
 * An earlier end of all clusters, where a look at what was restored to the latest moment (`at`) shows that it was too late; nothing where it stands. A shard that was silent, and has just moved
 * money again, counts as silent by its WAL in the repository, which lacks what is not archived yet; core, whose WAL may be further, knows of those events. The end is then the moment before core
 * took in the first of them. Nothing is forgiven: what is missing for longer than WAL is on its way is for the checks to find.
 */
export async function endBeforeWokenShards(restored: Restored, at: string): Promise<string | undefined> {
  const unknown = await firstUnknownToItsLedger(restored);
  return unknown === undefined || millisecondsOf(at) - unknown > SILENT_MS ? undefined : justBefore(unknown);
}

/** When core took in the first event that its ledger, restored to the same moment, does not have: milliseconds since 1970. Undefined where every ledger has all that core knows of. */
async function firstUnknownToItsLedger({ core, ledgers }: Restored): Promise<number | undefined> {
  const firsts = await Promise.all(ledgers.map(async (ledger, shard) => {
    const [epoch = '', last = ''] = (await ledger.sql('ledger', LEDGER_ENDS)).split('|');
    return core.sql('audit', FIRST_BEYOND.replace('SHARD', String(shard)).replace('EPOCH', epoch).replace('LAST', last));
  }));
  return firsts.filter((first) => first !== '').map(Number).toSorted((a, b) => a - b)[0];
}

function justBefore(ms: number): string {
  return new Date(ms - 1).toISOString().replace('T', ' ').replace('Z', '000+00');
}
