import { parse } from 'yaml';
import { componentsOf, ledgerAddresses, LEDGERS_MAX } from '../components.ts';
import { must } from './run.ts';
import { PROJECT, versions } from './versions.ts';

/**
 * Holds the compose files against what every container promises (ARCHITECTURE.md), for CI. Prints each fault; exits 1 if there is one.
 */
interface ComposeService {
  image?: string;
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  cap_add?: string[];
  security_opt?: string[];
  mem_limit?: string;
  healthcheck?: object;
  logging?: { options?: Record<string, string> };
  ports?: object[];
  restart?: string;
  environment?: Record<string, string | null>;
}

/** Vendors' images decide some of this themselves. */
const VENDOR = new Set(['grafana', 'kibana']);
/** The shipper reads Docker's log files as an ordinary user: platform/logs/README.md. */
const GAINS_A_CAPABILITY = new Set(['logs']);

const variables = { ...versions, HOLDFAST_INSTANCE: 'check', HOLDFAST_STATE: '/state', HOLDFAST_REGISTRY: '', HOLDFAST_HOST: 'localhost', HOLDFAST_PORT: '8443', HOLDFAST_BIND: '127.0.0.1', HOLDFAST_URL: 'https://localhost:8443', HOLDFAST_DOCKER_ROOT: '/var/lib/docker', HOLDFAST_AUDIT_SECOND: 'none', HOLDFAST_AUDIT_SECOND_PLACE: '', HOLDFAST_LEDGER_ADDRESSES: ledgerAddresses(LEDGERS_MAX).join(',') };
const text = await must('docker', ['compose', '--profile', '*', '--project-directory', PROJECT, '-f', `${PROJECT}/docker-compose.yml`, 'config'], { environment: variables });
const services = (parse(text) as { services: Record<string, ComposeService> }).services;

const components = componentsOf(LEDGERS_MAX);
const faults: string[] = [];
for (const name of Object.keys(components)) if (!(name in services)) faults.push(`${name}: declared in components.ts, not in any compose file`);
for (const [name, service] of Object.entries(services)) faults.push(...faultsOf(name, service).map((fault) => `${name}: ${fault}`));
// Snapshots are kept as long as lines are: each room has the default of its own.
const keptDays = ['elasticsearch', 'backup-scheduler'].map((name) => services[name]?.environment?.['LOGS_KEPT_DAYS']);
if (keptDays[0] !== keptDays[1]) faults.push(`log lines are kept for ${keptDays[0]} days, and snapshots of them for ${keptDays[1]}`);
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exit(1);
console.log(`${Object.keys(services).length} services hold the contract`);

function faultsOf(name: string, service: ComposeService): string[] {
  const component = components[name];
  const oneShot = service.restart === 'no';
  const rules: [boolean, string][] = [
    [component !== undefined, 'is not declared in platform/components.ts'],
    [service.user === `${component?.uid}:${component?.uid}` || VENDOR.has(name), 'does not run as the uid of components.ts'],
    [service.security_opt?.includes('no-new-privileges:true') === true || GAINS_A_CAPABILITY.has(name), 'may gain privileges'],
    [service.cap_add === undefined || GAINS_A_CAPABILITY.has(name), 'adds a capability'],
    [service.mem_limit !== undefined, 'has no memory limit'],
    [service.logging?.options?.['max-size'] !== undefined, 'has no log rotation'],
    [oneShot || service.healthcheck !== undefined || VENDOR.has(name), 'has no health check'],
    [service.cap_drop?.includes('ALL') === true, 'keeps capabilities'],
    [service.read_only === true || VENDOR.has(name), 'has a writable root file system'],
    [service.ports === undefined || name === 'edge', 'publishes a port: only the edge may'],
    [!Object.keys(service.environment ?? {}).some((key) => /(PASSWORD|SECRET|TOKEN)$/.test(key)), 'has a secret in its environment'],
  ];
  return rules.filter(([holds]) => !holds).map(([, fault]) => fault);
}
