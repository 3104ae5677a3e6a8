import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { readCatalogue, type Catalogue } from '../../platform/cli/catalogue.ts';
import { audit } from './audit.ts';
import { backups } from './backups.ts';
import { capacity } from './capacity.ts';
import { elasticsearch } from './families/elasticsearch.ts';
import { etcd } from './families/etcd.ts';
import { ofFamily } from './families/family.ts';
import { kafka } from './families/kafka.ts';
import { logs } from './families/logs.ts';
import { machine } from './families/machine.ts';
import { monitoring } from './families/monitoring.ts';
import { postgres } from './families/postgres.ts';
import { redis } from './families/redis.ts';
import { dashboard, type Screen } from './frame.ts';
import { ledger } from './ledger.ts';
import { objectives } from './objectives.ts';
import { ofService } from './of-service.ts';
import { overview } from './overview.ts';
import { security } from './security.ts';

const families = [postgres, kafka, redis, elasticsearch, etcd, logs, monitoring, machine];

export function screens(catalogue: Catalogue = readCatalogue()): Screen[] {
  return [
    overview(catalogue), objectives(), ledger(), backups(), security(), audit(), capacity(),
    ...Object.keys(catalogue.services).map((service) => ofService(catalogue, service)),
    ...families.map((family) => ofFamily(catalogue, family)),
  ];
}

/** Each dashboard as Grafana reads it, by its file below platform/grafana/dashboards. */
export function dashboards(): Map<string, Dashboard> {
  return new Map(screens().map((screen) => [`${screen.folder}/${screen.uid.replace(/^holdfast-(service-|component-)?/, '')}.json`, dashboard(screen)]));
}
