import { UPGRADE_FAILED } from '../kit/budgets.ts';
import type { Drill, Scene } from './drill.ts';
import { NextVersion } from './next-version.ts';

/** One that is good and stays; and one that changes a table of every posting, on the first ledger for good, and finds rows on the second that it cannot have. */
const GOOD = '9000_a_note_on_statements.sql';
const BAD = '9001_tiers_of_accounts.sql';
const MIGRATIONS = {
  [`services/reporting/migrations/${GOOD}`]: '-- A drill: additive, as every migration.\nALTER TABLE statement_lines ADD COLUMN drill_note text;\n',
  [`services/transactions/migrations/${BAD}`]: `-- A drill: half-way through, rows of the second ledger break the new rule.
ALTER TABLE accounts ADD COLUMN drill_tier integer;
UPDATE accounts SET drill_tier = current_setting('holdfast.shard')::integer;
ALTER TABLE accounts ADD CONSTRAINT drill_tier_is_the_first CHECK (drill_tier = 0);
`,
};

/** Whom nothing may have stopped: containers, and since when they run. */
let ranBefore: readonly string[] = [];
let wrong: string[] = [];

export const upgradeFailed: Drill = {
  page: 'upgrade-failed',
  budgetMs: UPGRADE_FAILED,
  remember: async (scene) => {
    ranBefore = await running(scene);
    await new NextVersion(scene.platform).make(MIGRATIONS);
  },
  disaster: async (scene) => {
    const next = new NextVersion(scene.platform);
    const { exitCode, stderr } = await next.up();
    const expected = [`the upgrade to ${next.number} was given up`, `migration transactions/${BAD} failed on ledger1 and was rolled back`, 'drill_tier_is_the_first', './holdfast up --go-back', './holdfast runbook show upgrade-failed'];
    wrong = exitCode === 1 ? expected.filter((part) => !stderr.includes(part)).map((part) => `up of the new version did not say "${part}": ${stderr.slice(-1_500)}`) : [`up of the new version ended with ${exitCode}: ${stderr.slice(-1_500)}`];
    wrong.push(...await schemaIsNot(scene));
    return {};
  },
  alsoEqual: async (scene) => {
    const now = await running(scene);
    return [...wrong, ...ranBefore.filter((one) => !now.includes(one)).map((one) => `${one} was stopped or replaced`)];
  },
  tidy: async (scene) => {
    await new NextVersion(scene.platform).remove();
    await forget(scene);
  },
};

/** What was applied stays applied, and of what failed nothing is left. */
async function schemaIsNot({ platform }: Scene): Promise<string[]> {
  const has = async (cluster: 'core' | 'ledger0' | 'ledger1', database: string, migration: string, column: string): Promise<string> => {
    const [row] = await platform.query<{ applied: boolean; columns: number }>(cluster, database, `SELECT EXISTS (SELECT FROM schema_migrations WHERE name = '${migration}') AS applied, (SELECT count(*)::int FROM information_schema.columns WHERE table_schema = 'public' AND column_name = '${column}') AS columns`);
    return `${row?.applied ? 'applied' : 'not applied'}, ${row?.columns} columns`;
  };
  const rules: [string, string, string][] = [
    ['reporting', await has('core', 'reporting', GOOD, 'drill_note'), 'applied, 1 columns'],
    ['ledger0', await has('ledger0', 'ledger', BAD, 'drill_tier'), 'applied, 1 columns'],
    ['ledger1', await has('ledger1', 'ledger', BAD, 'drill_tier'), 'not applied, 0 columns'],
  ];
  return rules.filter(([, is, expected]) => is !== expected).map(([where, is, expected]) => `migrations on ${where}: ${is}, where ${expected} was expected`);
}

/** No version knows these migrations, and no `up` would take a database that has them. */
async function forget({ platform }: Scene): Promise<void> {
  const undo = (cluster: string, database: string, migration: string, table: string, column: string): Promise<string> => platform.leaderOf(cluster).then((leader) => platform.inside(leader, 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', database,
    '-c', `DELETE FROM schema_migrations WHERE name = '${migration}'`, '-c', `ALTER TABLE ${table} DROP COLUMN IF EXISTS ${column} CASCADE`));
  await undo('core', 'reporting', GOOD, 'statement_lines', 'drill_note');
  for (const cluster of ['ledger0', 'ledger1']) await undo(cluster, 'ledger', BAD, 'accounts', 'drill_tier');
}

async function running({ platform }: Scene): Promise<string[]> {
  return (await platform.containers()).map(({ name, id, startedAt, image }) => `${name} (${id.slice(0, 12)}, ${image}, since ${startedAt.toISOString()})`);
}
