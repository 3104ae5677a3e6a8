import { Command, InvalidArgumentError, Option } from 'commander';
import { readFile } from 'node:fs/promises';
import { HEARS, KINDS, type Receiver } from '../../alertmanager/routing.ts';
import { waitUntilHealthy } from '../containers.ts';
import { UserError } from '../errors.ts';
import { Instance } from '../instance.ts';
import { exclusively } from '../lock.ts';
import { askAlertmanager, firingAlerts, type Alert } from '../monitoring.ts';
import { forgetReceiver, writeReceivers, writeReceiverSecret } from '../state/receivers.ts';
import { tryReceivers } from '../try-receivers.ts';

const HEALTHY_BUDGET_SECONDS = 60;

export function alertsCommand(): Command {
  const alerts = new Command('alerts').description('what fires now, and who is told of it');
  alerts.command('list', { isDefault: true })
    .description('what fires now')
    .option('--all', 'also what is no news for people, such as Watchdog')
    .option('--json', 'for programs')
    .addHelpText('after', '\nExit status: 0 nothing fires, 1 something does.')
    .action(async (options: { all?: true; json?: true }, command: Command) => {
      const firing = (await firingAlerts(await Instance.existing(command))).filter(({ severity }) => options.all || severity !== 'none');
      if (options.json) console.log(JSON.stringify(firing, null, 2));
      else if (firing.length === 0) console.log('Nothing fires.');
      else for (const alert of firing) print(alert);
      process.exitCode = firing.some(({ severity }) => severity !== 'none') ? 1 : 0;
    });
  alerts.command('show')
    .description('whether one alert fires')
    .argument('<name>')
    .option('--label <name=value>', 'only where a label has this value; as often as you like', addLabel, {})
    .addHelpText('after', '\nExit status: 0 it does not fire, 1 it does.')
    .action(async (name: string, options: { label: Record<string, string> }, command: Command) => {
      const wanted = Object.entries(options.label);
      const firing = (await firingAlerts(await Instance.existing(command))).filter((alert) => alert.name === name && wanted.every(([label, value]) => alert.labels[label] === value));
      const which = [name, ...wanted.map(([label, value]) => `${label}=${value}`)].join(' ');
      console.log(firing.length === 0 ? `${which} is not firing.` : `${which} is firing.`);
      for (const alert of firing) print(alert);
      process.exitCode = firing.length === 0 ? 0 : 1;
    });
  alerts.command('silence')
    .description('tell nobody of an alert for a while; it is still shown')
    .argument('<name>')
    .requiredOption('--because <reason>', 'for whoever wonders')
    .addOption(new Option('--for <duration>', 'such as 90m or 4h').default('2h').argParser(parseDuration))
    .option('--label <name=value>', 'only where a label has this value; as often as you like', addLabel, {})
    .action(async (name: string, options: { because: string; for: string | number; label: Record<string, string> }, command: Command) => {
      const durationMs = typeof options.for === 'number' ? options.for : parseDuration(options.for);
      const endsAt = new Date(Date.now() + durationMs);
      await askAlertmanager(await Instance.existing(command), 'POST', '/api/v2/silences', {
        matchers: Object.entries({ alertname: name, ...options.label }).map(([label, value]) => ({ name: label, value, isRegex: false, isEqual: true })),
        startsAt: new Date().toISOString(), endsAt: endsAt.toISOString(), createdBy: process.env.SUDO_USER ?? process.env.USER ?? 'operator', comment: options.because,
      });
      console.log(`Nobody is told of ${name} until ${endsAt.toISOString().slice(0, 16).replace('T', ' ')} UTC.`);
    });
  alerts.command('receivers')
    .description('who is told of what')
    .action(async (_options: object, command: Command) => {
      const { settings } = await Instance.existing(command);
      for (const { name, kind, hears } of settings.receivers ?? []) console.log(`${name.padEnd(16)} ${kind.padEnd(10)} ${hears}`);
      if (!settings.receivers?.length) console.log('Nobody is told of anything.  Somebody:  ./holdfast alerts send-to webhook --secret-file FILE');
    });
  alerts.command('test')
    .description('hand a trial alert to every receiver, and see that they take it')
    .action(async (_options: object, command: Command) => tryReceivers(await Instance.existing(command)));
  return alerts.addCommand(sendToCommand()).addCommand(forgetCommand());
}

function sendToCommand(): Command {
  return new Command('send-to')
    .description('tell somebody: a webhook, a Slack channel, PagerDuty or a mailbox')
    .argument('<kind>', KINDS.join(', '))
    .option('--name <name>', 'for more than one of a kind')
    .addOption(new Option('--hears <what>', 'what it is told').choices(HEARS).default('all'))
    .option('--secret-file <file>', 'holds the URL (webhook, slack), the routing key (pagerduty), or the password (email); - reads it from standard input')
    .option('--channel <name>', 'slack: another channel than the one of the URL')
    .option('--to <address>', 'email')
    .option('--from <address>', 'email')
    .option('--smarthost <host:port>', 'email: the server that takes it')
    .option('--user <name>', 'email: who signs in there')
    .addHelpText('after', '\nThe secret is copied into a file that only Alertmanager reads. Exit status: 0 set, 2 wrong arguments.')
    .action(async (kind: string, options: Omit<Receiver, 'name' | 'kind'> & { name?: string; secretFile?: string }, command: Command) => {
      const receiver = receiverOf(kind, options);
      const secret = options.secretFile === undefined ? undefined : (await readFile(options.secretFile === '-' ? '/dev/stdin' : options.secretFile, 'utf8')).trim();
      if (secret === '') throw new UserError(`${options.secretFile} is empty.`, [], 2);
      const instance = await Instance.existing(command);
      await exclusively(instance, 'alerts send-to', async () => {
        if (secret !== undefined) await writeReceiverSecret(instance, receiver, secret);
        instance.settings.receivers = [...(instance.settings.receivers ?? []).filter(({ name }) => name !== receiver.name), receiver];
        await takeEffect(instance);
      });
      console.log(`${receiver.name} is told of ${receiver.hears === 'all' ? 'pages and tickets' : `${receiver.hears}s`}. Try it:  ./holdfast alerts test`);
    });
}

function forgetCommand(): Command {
  return new Command('forget')
    .description('tell a receiver nothing any more')
    .argument('<name>')
    .action(async (name: string, _options: object, command: Command) => {
      const instance = await Instance.existing(command);
      await exclusively(instance, 'alerts forget', async () => {
        const receivers = instance.settings.receivers ?? [];
        if (!receivers.some((receiver) => receiver.name === name)) throw new UserError(`there is no receiver "${name}".`, ['See them:  ./holdfast alerts receivers'], 2);
        instance.settings.receivers = receivers.filter((receiver) => receiver.name !== name);
        await takeEffect(instance);
        await forgetReceiver(instance, name);
      });
    });
}

/** Checks that a receiver has what its kind needs. */
export function receiverOf(kind: string, options: Omit<Receiver, 'name' | 'kind'> & { name?: string; secretFile?: string }): Receiver {
  if (!KINDS.includes(kind as Receiver['kind'])) throw new UserError(`alerts cannot be sent to "${kind}".`, [`One of: ${KINDS.join(', ')}`], 2);
  const name = options.name ?? kind;
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) throw new UserError(`"${name}" cannot name a receiver: use small letters, digits and dashes.`, [], 2);
  const needed: [string, unknown][] = kind === 'email'
    ? [['--to', options.to], ['--from', options.from], ['--smarthost', options.smarthost], ...(options.user === undefined ? [] : [['--secret-file', options.secretFile] as [string, unknown]])]
    : [['--secret-file', options.secretFile]];
  const missing = needed.filter(([, value]) => value === undefined).map(([option]) => option);
  if (missing.length > 0) throw new UserError(`${kind} needs ${missing.join(', ')}.`, ['See:  ./holdfast alerts send-to --help'], 2);
  const { hears, channel, to, from, smarthost, user } = options;
  return { name, kind: kind as Receiver['kind'], hears, ...(channel !== undefined && { channel }), ...(to !== undefined && { to }), ...(from !== undefined && { from }), ...(smarthost !== undefined && { smarthost }), ...(user !== undefined && { user }) };
}

async function takeEffect(instance: Instance): Promise<void> {
  await instance.save();
  await writeReceivers(instance);
  await instance.compose(['restart', '--timeout', '5', 'alertmanager']);
  await waitUntilHealthy(instance, ['alertmanager'], HEALTHY_BUDGET_SECONDS, () => undefined);
}

function print({ name, severity, labels, summary, hits, runbookUrl, since, quiet }: Alert): void {
  console.log(`${severity.padEnd(6)} ${name}  since ${since.toISOString().slice(11, 19)} UTC${quiet ? `, ${quiet}` : ''}
       ${summary}
       Hits: ${hits}
       Labels: ${Object.entries(labels).map(([label, value]) => `${label}=${value}`).join(' ') || 'none'}
       Page: ./holdfast runbook show ${runbookUrl.split('/').at(-1)?.replace('.md', '') ?? name}`);
}

function addLabel(text: string, before: Record<string, string>): Record<string, string> {
  const [name, ...value] = text.split('=');
  if (!name || value.length === 0) throw new InvalidArgumentError('NAME=VALUE is needed.');
  return { ...before, [name]: value.join('=') };
}

/** Milliseconds. For commander: throws what it tells the caller. */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d+)(m|h|d)$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('a number with m, h or d, such as 90m.');
  return Number(count) * { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 'm' | 'h' | 'd'];
}
