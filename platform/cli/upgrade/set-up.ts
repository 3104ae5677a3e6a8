import type { Instance } from '../instance.ts';
import { run, type Outcome } from '../run.ts';

export interface SetUp {
  /** Takes what the job says. */
  readonly logFile: string;
  /** The databases may be ahead of this version. */
  readonly goBack?: boolean;
  /** This step alone, as `platform/setup/main.ts` names them. */
  readonly only?: 'postgres' | 'kibana';
}

/** The setup job of this version, on whatever version of the stores runs. Never throws: its exit status tells. */
export function setUp(instance: Instance, { logFile, goBack = false, only }: SetUp): Promise<Outcome> {
  const { command, environment } = instance.composeCommand(['--profile', 'setup', 'run', '--rm', '--no-deps', ...(goBack ? ['-e', 'SETUP_GOES_BACK=yes'] : []), 'setup',
    ...(only === undefined ? [] : ['node', '--disable-warning=ExperimentalWarning', 'platform/setup/main.ts', only])]);
  return run('docker', command, { logFile, environment });
}
