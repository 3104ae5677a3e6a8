import { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { components } from '../../components.ts';
import { Instance } from '../instance.ts';
import { describeCertificate } from '../state/certificates.ts';

const DAY_MS = 86_400_000;
/** `up` renews what has less than 90 days left: less than this is left only where nobody has run it for long. */
const SOON_DAYS = 30;

interface Row {
  component: string;
  not_after: string | null;
  days_left: number | null;
  state: 'good' | 'expires soon' | 'expired' | 'missing';
}

export function certificatesCommand(): Command {
  return new Command('certificates')
    .description('how long the certificate of each component lasts')
    .option('--json', 'for programs')
    .addHelpText('after', `\nExit status: 0 all last, 1 one has expired, is missing, or has less than ${SOON_DAYS} days left.`)
    .action(async (options: { json?: true }, command: Command) => {
      const instance = await Instance.existing(command);
      const authority = await rowOf('authority', instance.caFile);
      const rows = [authority, ...(await Promise.all(Object.keys(components).map((name) => rowOf(name, join(instance.directory, 'secrets', name, 'tls.crt')))))];
      process.exitCode = rows.every(({ state }) => state === 'good') ? 0 : 1;
      if (options.json) console.log(JSON.stringify(rows, null, 2));
      else print(rows);
    });
}

async function rowOf(component: string, file: string): Promise<Row> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return { component, not_after: null, days_left: null, state: 'missing' };
  const { notAfter } = describeCertificate(text);
  const days = (notAfter.getTime() - Date.now()) / DAY_MS;
  return { component, not_after: notAfter.toISOString(), days_left: Math.floor(days), state: days < 0 ? 'expired' : days < SOON_DAYS ? 'expires soon' : 'good' };
}

function print(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ component }) => component.length));
  for (const { component, not_after, days_left, state } of rows.toSorted((a, b) => (a.days_left ?? -Infinity) - (b.days_left ?? -Infinity))) {
    console.log(`${state === 'good' ? '●' : '○'} ${component.padEnd(width)}  ${state.padEnd(12)}  ${not_after === null ? '' : `${days_left} days, until ${not_after.slice(0, 16).replace('T', ' ')}`}`.trimEnd());
  }
  if (rows.some(({ state }) => state !== 'good')) console.log('\nRenew and put into use:  ./holdfast up');
}
