import { UserError } from '../errors.ts';
import type { Instance } from '../instance.ts';
import { startOneOff } from '../one-off.ts';

/** As `services/audit/src/search/rebuild/rebuild-search.ts` has it. */
export interface RebuiltSearch {
  entries: number;
  created: number;
  differing_count: number;
  differing: readonly string[];
}

/** Copies the audit chain into Elasticsearch once more and reads every entry back. */
export async function rebuildSearch(instance: Instance, say: (detail: string) => void): Promise<RebuiltSearch> {
  const program = startOneOff(instance, 'audit', 'search/rebuild/main.js', [], (line) => { if (!line.startsWith('{')) say(line); });
  program.input.end();
  let last: { result?: RebuiltSearch; failure?: string } = {};
  for await (const line of program.lines) last = JSON.parse(line) as typeof last;
  const { exitCode, said } = await program.ended;
  if (!last.result) throw new UserError(`the search is not rebuilt: ${last.failure ?? `the program ended with status ${exitCode}.\n${said}`}`, ['Look:       ./holdfast status', 'Try again:  ./holdfast rebuild search (what was copied is passed over)']);
  return last.result;
}

export function printSearch({ entries, created, differing_count, differing }: RebuiltSearch): void {
  console.log(`${entries} entries of the audit chain are in Elasticsearch, ${created} of them copied now; ${differing_count} documents differ from the chain.`);
  if (differing_count > 0) console.log(`  Entries ${differing.join(', ')}${differing_count > differing.length ? ' and more' : ''}: somebody changed the copy. The chain is what counts:  ./holdfast runbook show elasticsearch-lost`);
}
