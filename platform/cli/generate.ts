import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dashboards } from '../../dashboards/grafana/all.ts';
import { kibanaObjects } from '../../dashboards/kibana/dashboards.ts';
import { ndjson } from '../../dashboards/kibana/saved-object.ts';
import { alertmanagerConfiguration } from '../alertmanager/routing.ts';
import { memoryLimits, objectiveRules, readCatalogue } from './catalogue.ts';
import { createProgram } from './program.ts';
import { composeOfAddedLedgers } from './shards/added-ledgers.ts';
import { PROJECT } from './versions.ts';

/**
 * Writes the files of the repository that are derived from others (npm run generate); with --check, for CI, only compares, and exits 1 where one
 * is not as it would be written.
 */
const DASHBOARDS = 'platform/grafana/dashboards';
const generated: Record<string, string> = {
  'platform/cli/help.txt': await helpWithoutDocker(),
  'platform/postgres/compose.added-ledgers.yml': composeOfAddedLedgers(),
  'platform/prometheus/rules/slo.yml': objectiveRules(readCatalogue(), memoryLimits()),
  ...Object.fromEntries([...dashboards()].map(([path, dashboard]) => [`${DASHBOARDS}/${path}`, `${JSON.stringify(dashboard, null, 2)}\n`])),
  'platform/kibana/objects/holdfast.ndjson': ndjson(kibanaObjects()),
  'platform/alertmanager/alertmanager.yml': `# Until somebody is to be told (./holdfast alerts send-to). Generated from routing.ts: npm run generate.\n${alertmanagerConfiguration([])}`,
};

const isCheck = process.argv.includes('--check');
let differ = false;
for (const [path, content] of Object.entries(generated)) {
  const file = join(PROJECT, path);
  if (!isCheck) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== content) {
    differ = true;
    console.error(`${path} is not as it is generated: npm run generate`);
  }
}
// Grafana shows every file that is there: one whose source is gone has to go, too.
for (const path of readdirSync(join(PROJECT, DASHBOARDS), { recursive: true, encoding: 'utf8' }).map((name) => `${DASHBOARDS}/${name}`).filter((name) => name.endsWith('.json') && !(name in generated))) {
  if (!isCheck) rmSync(join(PROJECT, path));
  else {
    differ = true;
    console.error(`${path} comes from nothing: npm run generate`);
  }
}
process.exitCode = differ ? 1 : 0;

/** What the shim prints while no CLI can run: each command with what it says of itself. */
async function helpWithoutDocker(): Promise<string> {
  const { commands } = await createProgram();
  const lines = [...commands.map((command): [string, string] => [command.name(), command.description()]), ['help', 'this; with Docker running, "help COMMAND" says more']];
  return `Shown by the shim where Docker, and so the CLI, is not there yet. Generated from the commands: npm run generate.
# Commands
holdfast: a self-hosted fintech back end. Docker is not running here; "sudo ./holdfast up" installs and starts what is missing.

${lines.map(([name = '', text = '']) => `  ${name.padEnd(13)} ${text}`).join('\n')}
`;
}
