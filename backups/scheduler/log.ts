/** One JSON object a line, with the names of the Elastic Common Schema, as the services write (services/kit/src/logging.ts). */
export function log(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, string | number | undefined>> = {}): void {
  process.stdout.write(`${JSON.stringify({ '@timestamp': new Date().toISOString(), 'log.level': level, message, 'service.name': 'backup-scheduler', ...fields })}\n`);
}
