import { Command } from 'commander';
import { commandBegins } from './operator-log.ts';

/** All commands, in the order in which people are told of them. Each is loaded when it is called: all of them together take half a second to load. After a change here: npm run generate. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import('./commands/up.ts')).upCommand(),
  down: async () => (await import('./commands/down.ts')).downCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  urls: async () => (await import('./commands/urls.ts')).urlsCommand(),
  credentials: async () => (await import('./commands/credentials.ts')).credentialsCommand(),
  certificates: async () => (await import('./commands/certificates.ts')).certificatesCommand(),
  rotate: async () => (await import('./commands/rotate.ts')).rotateCommand(),
  alerts: async () => (await import('./commands/alerts.ts')).alertsCommand(),
  logs: async () => (await import('./commands/logs.ts')).logsCommand(),
  metrics: async () => (await import('./commands/metrics.ts')).metricsCommand(),
  restart: async () => (await import('./commands/restart.ts')).restartCommand(),
  scale: async () => (await import('./commands/scale.ts')).scaleCommand(),
  exec: async () => (await import('./commands/exec.ts')).execCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
  ledger: async () => (await import('./commands/ledger.ts')).ledgerCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  rebuild: async () => (await import('./commands/rebuild.ts')).rebuildCommand(),
  runbook: async () => (await import('./commands/runbook.ts')).runbookCommand(),
  shards: async () => (await import('./commands/shards.ts')).shardsCommand(),
  'restore-point': async () => (await import('./commands/restore-point.ts')).restorePointCommand(),
  restore: async () => (await import('./commands/restore.ts')).restoreCommand(),
  backup: async () => (await import('./commands/backup.ts')).backupCommand(),
  backups: async () => (await import('./commands/backups.ts')).backupsCommand(),
  cluster: async () => (await import('./commands/cluster.ts')).clusterCommand(),
  switchover: async () => (await import('./commands/switchover.ts')).switchoverCommand(),
  'recovery-kit': async () => (await import('./commands/recovery-kit.ts')).recoveryKitCommand(),
  recover: async () => (await import('./commands/recover.ts')).recoverCommand(),
  'prove-restore': async () => (await import('./commands/prove-restore.ts')).proveRestoreCommand(),
  test: async () => (await import('./commands/test.ts')).testCommand(),
  bundle: async () => (await import('./commands/bundle.ts')).bundleCommand(),
  release: async () => (await import('./commands/release.ts')).releaseCommand(),
};

/** With the command alone that these words of a command line call; with all commands where they call none, or one that is not there, or ask for help about all. */
export async function createProgram(words: readonly string[] = []): Promise<Command> {
  const program = new Command('holdfast')
    .description('Runs Holdfast on this machine: one command up, and it proves that it works.')
    .option('--instance <name>', 'which installation on this machine', process.env.HOLDFAST_INSTANCE ?? 'holdfast')
    .version(process.env.HOLDFAST_VERSION ?? 'development', '--version')
    .showHelpAfterError('Run ./holdfast help to see the commands.')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .exitOverride();
  program.hook('preAction', (_program, command) => commandBegins(command));
  const called = Object.entries(commands).filter(([name]) => name === firstWordOf(words));
  const wanted = called.length > 0 ? called : Object.entries(commands);
  for (const command of await Promise.all(wanted.map(([, load]) => load()))) program.addCommand(command.exitOverride());
  return program;
}

/** That is neither the option of the program nor its value. */
function firstWordOf(words: readonly string[]): string | undefined {
  return words.find((word, index) => word !== '--instance' && words[index - 1] !== '--instance' && !word.startsWith('--instance='));
}
