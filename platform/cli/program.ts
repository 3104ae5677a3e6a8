import { Command } from 'commander';
import { auditCommand } from './commands/audit.ts';
import { backupCommand } from './commands/backup.ts';
import { backupsCommand } from './commands/backups.ts';
import { alertsCommand } from './commands/alerts.ts';
import { bundleCommand } from './commands/bundle.ts';
import { certificatesCommand } from './commands/certificates.ts';
import { clusterCommand } from './commands/cluster.ts';
import { credentialsCommand } from './commands/credentials.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { downCommand } from './commands/down.ts';
import { execCommand } from './commands/exec.ts';
import { ledgerCommand } from './commands/ledger.ts';
import { logsCommand } from './commands/logs.ts';
import { metricsCommand } from './commands/metrics.ts';
import { proveRestoreCommand } from './commands/prove-restore.ts';
import { rebuildCommand } from './commands/rebuild.ts';
import { recoverCommand } from './commands/recover.ts';
import { recoveryKitCommand } from './commands/recovery-kit.ts';
import { releaseCommand } from './commands/release.ts';
import { rotateCommand } from './commands/rotate.ts';
import { runbookCommand } from './commands/runbook.ts';
import { restartCommand } from './commands/restart.ts';
import { restoreCommand } from './commands/restore.ts';
import { restorePointCommand } from './commands/restore-point.ts';
import { scaleCommand } from './commands/scale.ts';
import { shardsCommand } from './commands/shards.ts';
import { statusCommand } from './commands/status.ts';
import { switchoverCommand } from './commands/switchover.ts';
import { testCommand } from './commands/test.ts';
import { upCommand } from './commands/up.ts';
import { urlsCommand } from './commands/urls.ts';
import { commandBegins } from './operator-log.ts';

/** All commands, in the order in which people are told of them. After a change here: npm run generate. */
const commands = [
  upCommand,
  downCommand,
  statusCommand,
  urlsCommand,
  credentialsCommand,
  certificatesCommand,
  rotateCommand,
  alertsCommand,
  logsCommand,
  metricsCommand,
  restartCommand,
  scaleCommand,
  execCommand,
  doctorCommand,
  demoCommand,
  ledgerCommand,
  auditCommand,
  rebuildCommand,
  runbookCommand,
  shardsCommand,
  restorePointCommand,
  restoreCommand,
  backupCommand,
  backupsCommand,
  clusterCommand,
  switchoverCommand,
  recoveryKitCommand,
  recoverCommand,
  proveRestoreCommand,
  testCommand,
  bundleCommand,
  releaseCommand,
];

export function createProgram(): Command {
  const program = new Command('holdfast')
    .description('Runs Holdfast on this machine: one command up, and it proves that it works.')
    .option('--instance <name>', 'which installation on this machine', process.env.HOLDFAST_INSTANCE ?? 'holdfast')
    .version(process.env.HOLDFAST_VERSION ?? 'development', '--version')
    .showHelpAfterError('Run ./holdfast help to see the commands.')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .exitOverride();
  program.hook('preAction', (_program, command) => commandBegins(command));
  for (const make of commands) program.addCommand(make().exitOverride());
  return program;
}
