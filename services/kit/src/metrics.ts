import { readFileSync } from 'node:fs';
import * as prometheus from 'prom-client';

/** Rate, errors and duration of every route, by its template: raw paths would make a time series an account. */
export const requestDuration = new prometheus.Histogram({
  name: 'http_server_request_duration_seconds',
  help: 'Duration of HTTP requests by method, route template and status',
  labelNames: ['method', 'route', 'status'] as const,
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});

/** Whoever trusts the authority's certificate has it; the services say when it ends. */
export const authorityExpires = new prometheus.Gauge({ name: 'certificate_authority_expires_timestamp_seconds', help: 'When the certificate of the private authority expires' });

/** The resident size counts the program's own file too, 70 MB that all services share and the kernel takes back whenever it wants: a limit is reached by this. */
const anonymousMemory = gauge('process_anonymous_memory_bytes', 'Resident memory that is no file, so that the kernel cannot take it back', [], () => {
  anonymousMemory.set(anonymousBytes(readFileSync('/proc/self/status', 'utf8')));
});

/** Of `/proc/PID/status` (proc(5)), which counts in kB. */
export function anonymousBytes(status: string): number {
  const [anonymous, shared] = ['RssAnon', 'RssShmem'].map((name) => new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  if (anonymous === undefined || shared === undefined) throw new Error('/proc/self/status does not tell RssAnon and RssShmem');
  return (Number(anonymous) + Number(shared)) * 1024;
}

/** A counter of a service's own. Names end in `_total`. */
export function counter<const Label extends string>(name: string, help: string, labels: readonly Label[] = []): prometheus.Counter<Label> {
  return new prometheus.Counter({ name, help, labelNames: [...labels] });
}

/** A value that is asked for when Prometheus looks. */
export function gauge<const Label extends string>(name: string, help: string, labels: readonly Label[] = [], collect?: () => void): prometheus.Gauge<Label> {
  return new prometheus.Gauge({ name, help, labelNames: [...labels], ...(collect && { collect }) });
}

export function histogram<const Label extends string>(name: string, help: string, labels: readonly Label[], buckets: readonly number[]): prometheus.Histogram<Label> {
  return new prometheus.Histogram({ name, help, labelNames: [...labels], buckets: [...buckets] });
}
