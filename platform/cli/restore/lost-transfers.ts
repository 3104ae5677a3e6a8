import type { Instance } from '../instance.ts';
import { askNode, leaderOf } from './ask-leader.ts';
import { UNDER_WAY_S } from './prepare.ts';

/** A transfer that a ledger had accepted, as its event tells it. */
export interface PostedTransfer {
  readonly occurred_at: string;
  readonly data: {
    readonly transfer_id: string;
    readonly kind: string;
    readonly entries: readonly { readonly account_id: string; readonly amount: string; readonly currency: string }[];
    readonly reference: string | null;
    readonly external_reference: string | null;
  };
  /** Idempotency keys that were answered with it, where the ledger could still say. */
  readonly keys: readonly { readonly scope: string; readonly key: string }[] | null;
  readonly known_by: 'ledger' | 'audit log';
}

const SELECTED = `to_char(occurred_at AT TIME ZONE 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Events of transfers since a while before `since`: of the ledger itself, if it still answers, and of the audit log, which has what the ledger may have lost. Undefined if neither answers. */
export async function postedSince(instance: Instance, cluster: string, since: string): Promise<PostedTransfer[] | undefined> {
  const from = `'${since}'::timestamptz - interval '${UNDER_WAY_S} s'`;
  const [ledger, core] = await Promise.all([leaderOf(instance, cluster), leaderOf(instance, 'core')]);
  const asksLedger = ledger.answers ? askNode(instance, ledger.node, 'ledger', `
    SELECT jsonb_build_object('occurred_at', ${SELECTED}, 'data', data, 'keys', keys, 'known_by', 'ledger')
      FROM outbox LEFT JOIN (SELECT subject_id::text, jsonb_agg(jsonb_build_object('scope', scope, 'key', key)) AS keys FROM idempotency_keys WHERE created_at > ${from} GROUP BY 1) AS claims
        ON claims.subject_id = data->>'transfer_id'
     WHERE type = 'transfer.posted' AND occurred_at > ${from}`) : undefined;
  const asksAuditLog = core.answers ? askNode(instance, core.node, 'audit', `
    SELECT jsonb_build_object('occurred_at', ${SELECTED}, 'data', event::jsonb->'data', 'keys', NULL, 'known_by', 'audit log')
      FROM audit_log WHERE topic = 'ledger.events' AND shard = ${Number(cluster.replace('ledger', ''))} AND type = 'transfer.posted' AND occurred_at > ${from}`) : undefined;
  const [own, audited] = await Promise.all([asksLedger, asksAuditLog]);
  if (own === undefined && audited === undefined) return undefined;
  return [own, audited].flatMap((text) => (text ?? '').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as PostedTransfer));
}

/** Those that are no longer there, each once, in the order of their time. */
export function lostOf(posted: readonly PostedTransfer[], present: readonly string[]): PostedTransfer[] {
  const there = new Set(present);
  const lost = new Map<string, PostedTransfer>();
  for (const one of posted) if (!there.has(one.data.transfer_id) && !lost.has(one.data.transfer_id)) lost.set(one.data.transfer_id, one);
  return [...lost.values()].toSorted((a, b) => (a.occurred_at < b.occurred_at ? -1 : a.occurred_at > b.occurred_at ? 1 : 0));
}

export const CSV_HEADER = 'cluster,transfer_id,time,kind,currency,amount,debits,credits,reference,external_reference,idempotency_keys,known_by';

/** A line for each currency of each transfer. Amounts are minor units; `debits` and `credits` are `account:amount`, parted by blanks. */
export function csvOf(cluster: string, lost: readonly PostedTransfer[]): string {
  return lost.flatMap(({ occurred_at, data, keys, known_by }) => [...Map.groupBy(data.entries, ({ currency }) => currency)].map(([currency, entries]) => {
    const side = (sign: 1n | -1n) => entries.filter(({ amount }) => BigInt(amount) * sign > 0n).map(({ account_id, amount }) => [account_id, BigInt(amount) * sign] as const);
    const amount = side(1n).reduce((sum, [, each]) => sum + each, 0n);
    const legs = (sign: 1n | -1n): string => side(sign).map(([account, each]) => `${account}:${each}`).join(' ');
    return `${[cluster, data.transfer_id, occurred_at, data.kind, currency, amount.toString(), legs(-1n), legs(1n), data.reference ?? '', data.external_reference ?? '',
      (keys ?? []).map(({ key }) => key).join(' '), known_by].map(quoted).join(',')}\n`;
  })).join('');
}

/** RFC 4180; and what a spreadsheet would take for a formula begins with an apostrophe, as payers write references as they like. */
function quoted(field: string): string {
  const safe = /^[=+\-@\t\r]/.test(field) ? `'${field}` : field;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
