import { z } from 'zod';

const BYTES_MAX = 4_096;

/** A text that people read: no control characters, which no field of a statement can print. */
export const PlainText = (max: number) => z.string().trim().min(1).max(max).regex(/^[^\p{Cc}\p{Cs}]*$/u, { error: 'must not hold control characters' });

export const Reference = PlainText(140).meta({ description: 'Shown on the statements of all parties' });
export const ExternalReference = PlainText(140).meta({ description: "What it is called in the client's own books, such as the number of an order" });

/** What a client wants to find again beside its own money. Texts only: a number here would be read as money by somebody. */
export const Metadata = z
  .record(PlainText(64), z.string().max(512).regex(/^[^\p{Cc}\p{Cs}]*$/u, { error: 'must not hold control characters' }))
  .refine((metadata) => Object.keys(metadata).length <= 32, { error: 'must not have more than 32 members' })
  .refine((metadata) => Buffer.byteLength(JSON.stringify(metadata)) <= BYTES_MAX, { error: `must not be larger than ${BYTES_MAX} bytes` })
  .meta({ description: `Texts by name: 32 at most, ${BYTES_MAX} bytes together; seen by all parties`, example: { order: '1042' } });
export type Metadata = z.output<typeof Metadata>;

/** As it is stored and hashed: in the order of its names, so that another order in the request is not another request. */
export function metadataText(metadata: Metadata | undefined): string | undefined {
  if (metadata === undefined) return undefined;
  return JSON.stringify(Object.fromEntries(Object.entries(metadata).sort(([one], [other]) => (one < other ? -1 : 1))));
}
