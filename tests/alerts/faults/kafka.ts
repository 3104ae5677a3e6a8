import type { Platform } from '../../kit/platform.ts';
import { SteadyTransfers } from '../../kit/steady-transfers.ts';
import type { Fault } from '../fault.ts';
import { syncsInTime, syncsLate } from '../late-syncs.ts';
import { deleteTopic, forgetBroker, freezeKafka, joinKafka, leaveKafka, letVote, makeTopic, takeVote, thawKafka, type SecondNode } from '../second-kafka.ts';

const GONE = { role: 'broker', node: 2 } as const;
const COPY = { role: 'broker', node: 3 } as const;
const VOTER = { role: 'controller', node: 4 } as const;

export const kafkaFaults: readonly Fault[] = [
  {
    alert: 'KafkaPartitionsOffline', what: 'a second broker that has the only copy of a topic is gone', labels: { component: 'kafka' },
    make: (platform) => loseBroker(platform, GONE, 'alert-test-offline', [GONE.node]), undo: (platform) => forget(platform, GONE, 'alert-test-offline'), scaled: { for: '15s' }, always: true,
  },
  {
    alert: 'KafkaUnderReplicated', what: 'a second broker that has a copy of a topic is gone', labels: { component: 'kafka' },
    make: (platform) => loseBroker(platform, COPY, 'alert-test-copies', [1, COPY.node]), undo: (platform) => forget(platform, COPY, 'alert-test-copies'), scaled: { for: '15s' },
  },
  {
    alert: 'KafkaNoController', what: 'a second controller joins, and is frozen', labels: {}, touches: ['kafka'],
    make: async (platform) => {
      await joinKafka(platform, VOTER);
      await letVote(platform, VOTER);
      await freezeKafka(platform, VOTER);
    },
    undo: async (platform) => {
      await thawKafka(platform, VOTER);
      await takeVote(platform, VOTER);
      await leaveKafka(platform, VOTER);
    },
    scaled: { for: '15s' },
  },
  {
    alert: 'KafkaHandlersBusy', what: 'its disk is late by two seconds each time while money moves, and a twentieth of the time at work counts as busy', labels: { component: 'kafka' }, touches: ['ledger0', 'ledger1'],
    make: beLate, undo: beInTime, scaled: { for: '15s', number: ['0.2', '0.95'] },
  },
  {
    alert: 'KafkaSlow', what: 'its disk is late by two seconds each time while money moves', labels: { component: 'kafka' }, touches: ['ledger0', 'ledger1'],
    make: beLate, undo: beInTime, scaled: { for: '15s' },
  },
];

async function loseBroker(platform: Platform, broker: SecondNode, topic: string, nodes: readonly number[]): Promise<void> {
  await joinKafka(platform, broker);
  await makeTopic(platform, topic, nodes);
  await leaveKafka(platform, broker);
}

async function forget(platform: Platform, broker: SecondNode, topic: string): Promise<void> {
  await leaveKafka(platform, broker);
  await deleteTopic(platform, topic);
  await forgetBroker(platform, broker);
}

let transfers: SteadyTransfers | undefined;

async function beLate(platform: Platform): Promise<void> {
  const { client, from, to } = await platform.fundedCustomer(100_000n);
  transfers = new SteadyTransfers(client, from, to, 150);
  await syncsLate('kafka', 'java', 2_100)(platform);
}

async function beInTime(platform: Platform): Promise<void> {
  await syncsInTime('kafka')(platform);
  await transfers?.stop();
  transfers = undefined;
}
