import { connect, type Socket } from 'node:net';
import { dockerApi } from '../../../platform/cli/docker-api.ts';
import type { Platform } from '../../kit/platform.ts';
import type { Fault } from '../fault.ts';
import { cut, rejoined } from '../containers-beside.ts';
import { keepAsking, stopAsking } from '../asking.ts';
import { addAuthority, forgetAuthority, showCertificate } from '../secrets-directory.ts';

/** The edge takes 2,000 connections, and 1,000 at most of one address. */
const CONNECTIONS = 1_800;

export const edgeFaults: readonly Fault[] = [
  {
    alert: 'EdgeUnreachable', what: 'the network between the edge and who tries its door is cut', labels: { job: 'front-door' }, touches: ['edge', 'gateway', 'blackbox-exporter'],
    make: cut('edge', 'blackbox-exporter'), undo: rejoined('edge', 'blackbox-exporter'),
  },
  {
    alert: 'EdgeBackendEmpty', what: 'the network between the edge and the gateway is cut', labels: { proxy: 'gateway' }, touches: ['edge', 'gateway'],
    make: cut('edge', 'gateway'), undo: rejoined('edge', 'gateway'), always: true,
    // Most other faults begin with a request.
    alone: true,
  },
  {
    alert: 'ServerErrors', what: 'the network between the gateway and reporting is cut, and reports are asked for', labels: { proxy: 'gateway' }, touches: ['edge', 'gateway', 'reporting'], needs: ['requests'],
    make: async (platform) => {
      const { client } = await platform.newCustomer();
      await cut('gateway', 'reporting')(platform);
      keepAsking('ServerErrors', 2, () => client.call('GET', '/v1/reports/accounts'));
    },
    undo: async (platform) => {
      stopAsking('ServerErrors');
      await rejoined('gateway', 'reporting')(platform);
    },
    scaled: { for: '15s', range: ['5m', '1m'] },
  },
  {
    alert: 'ProxyConnectionsNearLimit', what: `${CONNECTIONS} connections are opened to the edge, from three addresses, and left open`, labels: { component: 'edge' },
    make: openConnections, undo: closeConnections, scaled: { for: '15s' },
  },
  {
    alert: 'CertificateExpires', what: 'reporting shows a certificate that is good for three days', labels: { component: 'reporting' },
    make: (platform) => showCertificate(platform, 'reporting', 3),
  },
  {
    alert: 'CertificateExpiresSoon', what: 'audit shows a certificate that is good for twenty days', labels: { component: 'audit' },
    make: (platform) => showCertificate(platform, 'audit', 20), scaled: { for: '15s' },
  },
  {
    alert: 'AuthorityExpires', what: 'users is told of an authority that ends in a hundred days', labels: {}, touches: ['users'],
    make: (platform) => addAuthority(platform, 'users', 100), undo: (platform) => forgetAuthority(platform, 'users'), scaled: { for: '15s' },
  },
  {
    alert: 'TlsHandshakeFails', what: 'the backup repository shows a certificate in the name of another', labels: { component: 'pgbackrest' },
    make: (platform) => showCertificate(platform, 'pgbackrest', 300, ['somebody-else']), scaled: { for: '15s' },
  },
];

let connections: Socket[] = [];

/** The edge is on three networks, and this machine has an address of its own in each. What it cuts off for saying nothing comes again. */
async function openConnections(platform: Platform): Promise<void> {
  const { id } = await platform.container('edge');
  const { NetworkSettings } = await dockerApi<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(`/containers/${id}/json`);
  const addresses = Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
  const open = (): void => {
    connections = connections.filter(({ destroyed }) => !destroyed);
    while (connections.length < CONNECTIONS) connections.push(connect({ host: addresses[connections.length % addresses.length] ?? '', port: 8443 }).on('error', () => undefined).resume());
  };
  open();
  keepAsking('connections', 1, () => Promise.resolve(open()));
}

function closeConnections(): Promise<void> {
  stopAsking('connections');
  for (const socket of connections) socket.destroy();
  connections = [];
  return Promise.resolve();
}
