import { join } from 'node:path';
import { components } from '../../platform/components.ts';
import { imageTag } from '../../platform/cli/images/catalogue.ts';
import { must, run } from '../../platform/cli/run.ts';
import type { Platform } from '../kit/platform.ts';
import { within } from '../kit/within.ts';
import { nameOf } from './containers-beside.ts';

/** What an installation with one Kafka cannot show: another node beside it, in its network and with its certificate, whose files are gone with it. */
export interface SecondNode {
  readonly role: 'broker' | 'controller';
  /** Its number in the cluster; it listens on 9100 and as many more, as 9093 and 9094 are the first one's. */
  readonly node: number;
}

/** A JVM starts, on cores that others use. */
const JOINS_MS = 180_000;

const START = `set -eu
umask 077
export CLASSPATH='/opt/kafka/libs/*'
cd /var/lib/second
{ grep -vE '^(process.roles|node.id|listeners|advertised.listeners|log.dirs|inter.broker.listener.name)=' /etc/kafka/server.properties
  printf '%s\\n' "process.roles=$ROLE" "node.id=$NODE" log.dirs=/var/lib/second/data
  if [ "$ROLE" = broker ]; then printf '%s\\n' "listeners=CLIENTS://:$PORT" "advertised.listeners=CLIENTS://kafka:$PORT" inter.broker.listener.name=CLIENTS
  else printf '%s\\n' "listeners=CONTROLLER://127.0.0.1:$PORT" "advertised.listeners=CONTROLLER://localhost:$PORT" security.protocol=SSL ssl.endpoint.identification.algorithm=; fi
} > second.properties
java -Xmx64m kafka.tools.StorageTool format --no-initial-controllers --cluster-id="$CLUSTER" --config second.properties
exec java -XX:+UseSerialGC -Xmx160m -Dlog4j2.configurationFile=/etc/kafka/log4j2.yaml kafka.Kafka second.properties`;

export async function joinKafka(platform: Platform, { role, node }: SecondNode): Promise<void> {
  const { id } = await platform.container('kafka');
  const { uid } = components.kafka;
  const cluster = /^cluster\.id=(.+)$/m.exec(await platform.inside('kafka', 'cat', '/var/lib/kafka/meta.properties'))?.[1] ?? '';
  await leaveKafka(platform, { role, node });
  const environment = { ROLE: role, NODE: String(node), PORT: String(9_100 + node), CLUSTER: cluster };
  await must('docker', [
    'run', '--detach', '--rm', '--init', '--name', containerOf(platform, node), '--network', `container:${id}`, '--user', `${uid}:${uid}`, '--cap-drop', 'ALL', '--memory', '700m',
    '--tmpfs', `/var/lib/second:uid=${uid},gid=${uid},mode=0700,size=128m`, '--tmpfs', `/tmp:uid=${uid},gid=${uid},mode=0700,size=32m,exec`,
    '--volume', `${join(platform.instance.directory, 'secrets', 'kafka')}:/run/holdfast:ro`, ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    '--entrypoint', '/bin/sh', imageTag(platform.instance.settings.registry, 'kafka'), '-c', START,
  ]);
}

/** Its processes are stopped where they are. */
export async function freezeKafka(platform: Platform, { node }: SecondNode): Promise<void> {
  await must('docker', ['pause', containerOf(platform, node)]);
}

export async function thawKafka(platform: Platform, { node }: SecondNode): Promise<void> {
  await run('docker', ['unpause', containerOf(platform, node)]);
}

export async function leaveKafka(platform: Platform, { node }: SecondNode): Promise<void> {
  await run('docker', ['rm', '--force', containerOf(platform, node)]);
}

/** Once the cluster knows it: a topic whose copies are on these nodes. */
export async function makeTopic(platform: Platform, topic: string, nodes: readonly number[]): Promise<void> {
  await within(JOINS_MS, `a topic on the nodes ${nodes.join(' and ')}`, async () => {
    await kafkaTool(platform, 'TopicCommand', '--bootstrap-server', 'kafka:9093', '--command-config', 'client.properties', '--create', '--topic', topic, '--replica-assignment', nodes.join(':'));
    return true;
  });
}

export async function deleteTopic(platform: Platform, topic: string): Promise<void> {
  await kafkaTool(platform, 'TopicCommand', '--bootstrap-server', 'kafka:9093', '--command-config', 'client.properties', '--delete', '--if-exists', '--topic', topic);
}

/** A broker that will not come back is struck off. */
export async function forgetBroker(platform: Platform, { node }: SecondNode): Promise<void> {
  await kafkaTool(platform, 'ClusterTool', 'unregister', '--bootstrap-server', 'kafka:9093', '--config', 'client.properties', '--id', String(node));
}

/** It votes: without it nothing is decided any more. */
export async function letVote(platform: Platform, { node }: SecondNode): Promise<void> {
  await within(JOINS_MS, `node ${node} to be let vote`, async () => {
    await must('docker', ['exec', containerOf(platform, node), 'sh', '-c',
      'cd /var/lib/second && CLASSPATH="/opt/kafka/libs/*" java -Xmx64m org.apache.kafka.tools.MetadataQuorumCommand --command-config second.properties --bootstrap-controller localhost:9094 add-controller']);
    return true;
  });
}

export async function takeVote(platform: Platform, { node }: SecondNode): Promise<void> {
  const directory = /^directory\.id=(.+)$/m.exec(await must('docker', ['exec', containerOf(platform, node), 'cat', '/var/lib/second/data/meta.properties']))?.[1] ?? '';
  await within(JOINS_MS, `node ${node} to vote no more`, async () => {
    await kafkaTool(platform, 'MetadataQuorumCommand', '--command-config', 'controller.properties', '--bootstrap-controller', 'localhost:9094', 'remove-controller', '--controller-id', String(node), '--controller-directory-id', directory);
    return true;
  });
}

async function kafkaTool(platform: Platform, name: 'TopicCommand' | 'ClusterTool' | 'MetadataQuorumCommand', ...words: string[]): Promise<void> {
  await platform.inside('kafka', 'sh', '-c', `cd /run/kafka && { echo security.protocol=SSL; grep ^ssl. /etc/kafka/server.properties; } > client.properties
    { cat client.properties; echo ssl.endpoint.identification.algorithm=; } > controller.properties
    export CLASSPATH='/opt/kafka/libs/*'; exec java -Xmx64m org.apache.kafka.tools.${name} "$@"`, 'sh', ...words);
}

function containerOf(platform: Platform, node: number): string {
  return nameOf(platform, `kafka-${node}`);
}
