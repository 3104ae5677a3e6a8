const END_OF_HEADERS = Buffer.from('\r\n\r\n');

/** How much of an answer has come. */
export interface Framed {
  readonly status: number;
  /** Of the whole answer, headers included. */
  readonly length: number;
  readonly bodyAt: number;
  /** The server ends the connection after it. */
  readonly closes: boolean;
}

/**
 * The frame of an HTTP/1.1 answer at the beginning of some bytes; undefined until its headers are whole. Knows answers of declared length only, which is
 * what the services and the edge send, and throws at anything else: a generator that guesses would measure its guesses.
 */
export function framed(bytes: Buffer): Framed | undefined {
  const end = bytes.indexOf(END_OF_HEADERS);
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  if (!head.startsWith('HTTP/1.1 ')) throw new Error(`no HTTP/1.1: ${head.slice(0, 60)}`);
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined && status !== 204 && status !== 304) throw new Error(`an answer ${status} without a length`);
  return { status, length: end + 4 + Number(length ?? 0), bodyAt: end + 4, closes: /\r\nconnection: *close/i.test(head) };
}

const POSTED = ['{"status":201,', '{"status":202,'].map((mark) => Buffer.from(mark));
const UNKNOWN = ['{"status":50'].map((mark) => Buffer.from(mark));

/**
 * How many items of a batch's answer were posted, and of how many the service does not know. Counted in the bytes: reading a thousand objects would cost
 * more than sending them.
 */
export function countItems(body: Buffer): { posted: number; unknown: number } {
  return { posted: count(body, POSTED), unknown: count(body, UNKNOWN) };
}

function count(body: Buffer, marks: readonly Buffer[]): number {
  let found = 0;
  for (const mark of marks) {
    for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) found++;
  }
  return found;
}
