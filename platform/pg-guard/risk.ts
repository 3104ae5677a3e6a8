import type { AcceptedRisk, ClusterKeys, DynamicConfig } from './keys.ts';

/** The configuration in which an accepted risk has ended, or undefined while none has. A time that cannot be read has passed. */
export function withoutEndedRisk(config: DynamicConfig, nowMs: number): DynamicConfig | undefined {
  const { holdfast_accepted_risk: risk, ...rest } = config;
  if (risk === undefined || !hasEnded(risk, nowMs)) return undefined;
  return { ...rest, synchronous_mode_strict: true };
}

function hasEnded({ until }: AcceptedRisk, nowMs: number): boolean {
  const ends = Date.parse(until);
  return !(ends > nowMs);
}

/** Whether a commit of this cluster is acknowledged only when a second node has it. */
export function needsReplica({ config }: ClusterKeys): boolean {
  return config?.value.synchronous_mode === true && config.value.synchronous_mode_strict === true;
}
