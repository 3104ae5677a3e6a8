import { Describe, type Operation } from '@holdfast/kit/describe';
import { refusalCodes } from './transfers/refusals.ts';

/** What the ledger answers when a shard, or all, cannot be worked with; beside the refusals, which are about the request. */
export const troubleCodes = ['ledger_unavailable', 'ledger_busy'] as const;

/** A route of this service: with every code that it may refuse with. */
export function DescribeLedger(operation: Omit<Operation, 'codes'>): MethodDecorator & ClassDecorator {
  return Describe({ ...operation, codes: [...refusalCodes, ...troubleCodes] });
}
