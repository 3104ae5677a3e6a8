import { Kafka, logLevel } from 'kafkajs';
import { acls, topics } from '../kafka/topics.ts';
import { certificate } from './identity.ts';

/** Makes the declared topics and access rules that are missing. Existing topics are left as they are, and rules are never taken away. */
export async function setUpKafka(): Promise<string> {
  const admin = new Kafka({ clientId: 'setup', brokers: ['kafka:9093'], ssl: { ...certificate, ca: [certificate.ca] }, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) await admin.createTopics({ topics: missing, waitForLeaders: true });
    await admin.createAcls({ acl: acls });
    return `${topics.length} topics (${missing.length} made now), ${acls.length} access rules`;
  } finally {
    await admin.disconnect();
  }
}
