/**
 * What speaks against this version on this database: a migration that was changed after it was applied, or one that is missing here. Going back
 * to an earlier version may miss the newer ones at the end: by rule, each suits the version before it.
 */
export function faultOfHistory(applied: readonly { name: string; sha256: string }[], present: ReadonlyMap<string, { sha256: string }>, goingBack: boolean): string | undefined {
  const newest = [...present.keys()].toSorted().at(-1) ?? '';
  for (const { name, sha256 } of applied) {
    const here = present.get(name);
    if (here === undefined && !(goingBack && name > newest)) {
      const wayBack = name > newest ? ' (where the changelog of the newer version allows it: ./holdfast up --go-back)' : '';
      return `migration ${name} was applied to this database and is missing here: this version is older than the data${wayBack}`;
    }
    if (here !== undefined && here.sha256 !== sha256) return `migration ${name} was changed after it was applied: put the change into a new migration`;
  }
  return undefined;
}
