import type { ClusterState, NodeState } from './state.ts';

/** For a person: a line, a table of the nodes, what is wrong, and how it came about. */
export function printed(state: ClusterState): string {
  const replicas = state.nodes.filter(({ role }) => role === 'replica').map(({ node, in_step }) => `${node}${in_step ? ' in step' : ''}`);
  const sign = state.troubles.length === 0 ? '●' : '○';
  const head = `${sign} ${state.cluster}: ${state.leader === null ? 'no leader' : `${state.leader} leads`}, ${replicas.length === 0 ? 'no replica' : `${replicas.join(' and ')} follows`}`;
  return [head, ...table(state.nodes), ...state.troubles.map((trouble) => `  ! ${trouble}`), ...history(state)].join('\n');
}

function table(nodes: readonly NodeState[]): string[] {
  const rows = [['node', 'role', 'container', 'Postgres', 'timeline', 'behind'], ...nodes.map((node) => [
    node.node, ROLE[node.role] + (node.in_step ? ', in step' : ''), node.container, node.state, node.timeline?.toString() ?? '', node.behind_bytes === null ? '' : bytes(node.behind_bytes),
  ])];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? [];
  return rows.map((row) => `  | ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
}

const ROLE = { leader: 'Leader', replica: 'Replica', none: 'none' } as const;

function history({ history: changes }: ClusterState): string[] {
  return changes.map(({ timeline, at, leader, reason }) => `  timeline ${timeline + 1}${at === null ? '' : ` since ${at.slice(0, 19)}`}${leader === null ? '' : `: ${leader}`} (${reason})`);
}

function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1024 ** 2 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 ** 2).toFixed(1)} MiB`;
}
