import type { Screen } from './frame.ts';
import { figure, lines } from './panels.ts';
import { familyUid, platformUid, serviceUid } from './uids.ts';

/** Money: how much of it moves, what is refused and why, how the shards share the work, and whether the sums are right. */
export function ledger(): Screen {
  const shard = 'shard=~"$shard"';
  return {
    folder: 'platform',
    uid: platformUid('ledger'),
    title: 'Ledger',
    description: 'Throughput, refusals and their reasons, the shards, and whether the sums are right.',
    variables: { shard: { label: 'Shard', values: 'outbox_unpublished_events, shard' } },
    next: { transactions: serviceUid('transactions'), Postgres: familyUid('postgres') },
    panels: [
      figure('Findings', 'short', { '': 'sum(max by (check) (ledger_verify_findings))' }, { alert: 'LedgerFindings', hint: 'Of the last verification: balances, sums, keys or events that are not as they should be.' }),
      figure('Last verified', 's', { '': 'time() - max(ledger_verify_last_success_timestamp_seconds)' }, { alert: 'LedgerNotVerified', hint: 'How long ago a verification passed.' }),
      figure('It took', 's', { '': 'max(ledger_verify_duration_seconds)' }),
      figure('On their way to another shard', 'short', { '': 'sum(max by (shard) (transit_in_flight_transfers))' }, { hint: 'Transfers that have left a shard and are not settled yet.' }),
      lines('Operations, by outcome', 'ops', { '{{outcome}}': 'sum by (outcome) (rate(transfers_total{outcome=~"posted|replayed"}[$__rate_interval]))' }, { stacked: true, hint: 'replayed: the same key again, which gets the first answer.' }),
      lines('Refused, by reason', 'ops', { '{{outcome}}': 'sum by (outcome) (rate(transfers_total{outcome!~"posted|replayed"}[$__rate_interval]))' }, { stacked: true, hint: 'The codes of the API.' }),
      lines('Share that is refused', 'percentunit', { '': 'sum(rate(transfers_total{outcome!~"posted|replayed"}[$__rate_interval])) / sum(rate(transfers_total[$__rate_interval]))' }, { alert: 'RefusalsSpike' }),
      lines('Operations, by shard', 'ops', { 'shard {{shard}}': `sum by (shard) (rate(posting_batch_transfers_sum{${shard}}[$__rate_interval]))` }, { stacked: true }),
      lines('Operations in one batch', 'short', { 'shard {{shard}}': `sum by (shard) (rate(posting_batch_transfers_sum{${shard}}[$__rate_interval])) / sum by (shard) (rate(posting_batch_transfers_count{${shard}}[$__rate_interval]))` }, { hint: 'Many on one account wait for each other: a batch that grows while throughput does not is a hot account.' }),
      lines('Answers to transfers', 's', Object.fromEntries([['half', 0.5], ['99 of 100', 0.99]].map(([legend, share]) => [legend, `histogram_quantile(${share}, sum by (le) (rate(http_server_request_duration_seconds_bucket{component="transactions", route="/v1/transfers", method="POST"}[$__rate_interval])))`])), { limit: { value: 0.25, badIs: 'above' } }),
      lines('Events not yet published', 'short', { 'shard {{shard}}': `max by (shard) (outbox_unpublished_events{${shard}})` }, { alert: 'OutboxGrows' }),
      lines('From the database to Kafka', 's', { 'shard {{shard}}': `histogram_quantile(0.99, sum by (shard, le) (rate(outbox_acknowledged_seconds_bucket{component="transactions", ${shard}}[$__rate_interval])))` }, { hint: '99 of 100 events are published sooner.' }),
      lines('Transfers to other shards, by how they ended', 'ops', { '{{outcome}}': 'sum by (outcome) (rate(transit_outcomes_total[$__rate_interval]))' }, { stacked: true, hint: 'returned: the payee could not get it, and the payer has it again.' }),
    ],
  };
}
