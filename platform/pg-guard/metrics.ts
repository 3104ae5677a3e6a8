import type { Told } from './guard.ts';

/** Prometheus's text format. A series that does not apply to a cluster is left out. */
export function metricsOf(clusters: readonly Told[]): string {
  const series = (name: string, type: 'gauge' | 'counter', help: string, value: (told: Told) => number | undefined): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...clusters.flatMap((told) => {
      const number = value(told);
      return number === undefined ? [] : [`${name}{cluster="${told.cluster}"} ${number}`];
    }),
  ];
  return [
    ...series('pg_guard_leader_seen', 'gauge', '1 if the main process of the leader is seen alive, so that its death could be proven.', ({ leaderSeen }) => Number(leaderSeen)),
    ...series('pg_guard_leaders_freed_total', 'counter', 'Leads of dead leaders that were freed.', ({ freed }) => freed),
    ...series('pg_guard_commits_need_replica', 'gauge', '1 if a commit is acknowledged only when a second node has it.', ({ needsReplica }) => Number(needsReplica)),
    ...series('pg_guard_accepted_risk_until_timestamp_seconds', 'gauge', 'When the risk of a single copy ends that an operator has accepted.', ({ riskUntilMs }) => (riskUntilMs === undefined ? undefined : riskUntilMs / 1000)),
  ].join('\n') + '\n';
}
