import { Command } from 'commander';
import { Instance } from '../instance.ts';
import { queryMetrics } from '../monitoring.ts';

export function metricsCommand(): Command {
  return new Command('metrics')
    .description('ask Prometheus an expression, such as up or rate(transfers_total[5m])')
    .argument('<expression>', 'PromQL')
    .option('--json', 'for programs')
    .addHelpText('after', '\nA line a series: its value, and its labels. Exit status: 0 answered, 1 no series, 2 not an expression.')
    .action(async (expression: string, options: { json?: true }, command: Command) => {
      const series = await queryMetrics(await Instance.existing(command), expression);
      if (options.json) console.log(JSON.stringify(series, null, 2));
      else for (const { labels, value } of series) console.log(`${String(Number(value.toPrecision(6))).padStart(14)}  ${Object.entries(labels).map(([name, text]) => `${name}=${text}`).join(' ')}`.trimEnd());
      if (series.length === 0 && !options.json) console.log('no series');
      process.exitCode = series.length === 0 ? 1 : 0;
    });
}
